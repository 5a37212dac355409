import psycopg2
from flask import Flask

app = Flask(__name__)


def connect():
    with open("/run/secrets/db-password") as f:
        return psycopg2.connect(host="db", user="postgres", dbname="example", password=f.read())


@app.route("/")
def titles():
    with connect() as db, db.cursor() as cur:
        cur.execute("SELECT title FROM blog")
        return "\n".join(row[0] for row in cur)


with connect() as db, db.cursor() as cur:
    cur.execute("DROP TABLE IF EXISTS blog")
    cur.execute("CREATE TABLE blog (title text)")
    for i in range(3):
        cur.execute("INSERT INTO blog VALUES (%s)", ("Blog post #%d" % i,))

app.run(host="0.0.0.0", port=8000)

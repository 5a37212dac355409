from flask import Flask
from redis import Redis

app = Flask(__name__)
store = Redis(host="store")


@app.route("/")
def ping():
    return str(store.ping())


app.run(host="0.0.0.0", port=3000, debug=False)

import os

from flask import Flask

app = Flask(__name__)


@app.route("/")
def hello():
    return os.environ["GREETING"]


app.run(host="0.0.0.0", port=8000)

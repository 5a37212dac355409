from wsgiref.simple_server import make_server

from flask import Flask

app = Flask(__name__)


@app.route("/")
def index():
    return "through wsgi"


@app.route("/health")
def health():
    return "ok"


def serve():
    make_server("", 9091, app).serve_forever()

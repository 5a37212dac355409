import socket

from flask import Flask
from redis import Redis

app = Flask(__name__)
redis = Redis(host="redis")


@app.route("/")
def visits():
    return "%s: visit %d" % (socket.gethostname(), redis.incr("visits"))


app.run(host="0.0.0.0", port=5000)

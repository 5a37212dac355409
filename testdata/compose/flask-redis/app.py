from flask import Flask
from redis import Redis

app = Flask(__name__)
redis = Redis(host="redis", port=6379)


@app.route("/")
def hits():
    return "seen %d times" % redis.incr("hits")


app.run(host="0.0.0.0", port=8000)

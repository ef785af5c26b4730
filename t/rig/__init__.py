"""The test rig: real nginx, real gunicorn with werkzeug, and clients that choose every byte."""

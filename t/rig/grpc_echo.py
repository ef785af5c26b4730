"""A gRPC server, and a client that sends a word, waits for its echo, and then sends the next.

Each is a process of its own, since gRPC's threads do not survive the rig's forks:

    python -m rig.grpc_echo serve PORT
    python -m rig.grpc_echo talk PORT WORD..."""

import json
import queue
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

SERVICE, METHOD = "rig.Echo", "Talk"
TIMEOUT = 10


def serve(port):
    """Echoes each message as it comes, with the command of the request in front."""
    def talk(words, context):
        found = dict(context.invocation_metadata()).get("x-frappe-cmd", "")
        for word in words:
            yield found.encode() + b":" + word

    server = grpc.server(ThreadPoolExecutor(4))
    handlers = {METHOD: grpc.stream_stream_rpc_method_handler(talk)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
    assert server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


def talk(port, *words):
    """Prints the echo of each word before it sends the next one, and the final status."""
    said = queue.Queue()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.stream_stream(f"/{SERVICE}/{METHOD}")
        answers = call(iter(said.get, None), timeout=TIMEOUT)
        heard = []
        for word in words:
            said.put(word.encode())
            heard.append(next(answers).decode())
        said.put(None)
        assert list(answers) == []
        print(json.dumps({"heard": heard, "code": answers.code().name}))


if __name__ == "__main__":
    {"serve": serve, "talk": talk}[sys.argv[1]](*sys.argv[2:])

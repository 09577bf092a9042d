#!/usr/bin/env python3
"""How long clients wait for /api/plan: python3 tests/speed/server.py PROGRAM [--requests 2000] [--clients 8] [--budget 10]

Eight clients at once, each with one question under way and the next right behind its answer, of four kinds:

    repeated      five questions in turn, which the server remembers
    contexts      one model on one rig at contexts that never repeat: a slider being moved
    mixed         no question twice: models, quants, rigs and contexts of every kind that fits
    too large     no question twice, and none fits: the dearest answers, for they say what would

The clients are one process that waits for all sockets at once, so that what they themselves use of the processors is small and is told
beside the times. Prints median, p99 and most in milliseconds; fails where a p99 is over three budgets (as run.py does)."""
import argparse
import itertools
import json
import os
import random
import re
import resource
import selectors
import socket
import subprocess
import sys
import time

MODELS = ["qwen3-8b", "qwen3-32b", "qwen3-30b-a3b", "llama-3.1-8b", "gemma-3-27b", "mistral-small-24b", "gpt-oss-20b"]
QUANTS = ["q4_k_m", "q5_k_m", "q6_k", "q8_0"]
RIGS = ["rtx-3090", "2xrtx-3090", "rtx-4090", "rtx-5090", "4xmi50-32g", "rtx-3060-12gb; host=epyc-7532:8xddr4-3200:512g", "ryzen-ai-max-395", "2xrtx-4060ti-16g",
        "rtx-3090+rtx-3060-12gb", "host=epyc-7532:8xddr4-3200:256g"]
LARGE = ["llama-3.3-70b", "qwen3-235b-a22b", "gpt-oss-120b", "qwen3-32b"]
SMALL_RIGS = ["rtx-3060-12gb; host=ryzen-5950x:2xddr4-3200:16g", "rtx-3090; host=ryzen-5950x:2xddr4-3200:16g"]


def contexts(count):
    return ({"model": "qwen3-8b:q4_k_m", "rig": "rtx-3090", "context": 2048 + i} for i in range(count))


def repeated(count):
    return ({"model": "qwen3-8b:q4_k_m", "rig": "rtx-3090", "context": 2048 << i % 5} for i in range(count))


def drawn(models, rigs, seed):
    def questions(count):
        chance = random.Random(seed)
        for i in range(count):
            yield {"model": f"{chance.choice(models)}:{chance.choice(QUANTS)}", "rig": chance.choice(rigs), "context": 2048 + i}
    return questions


KINDS = {"repeated": repeated, "contexts": contexts, "mixed": drawn(MODELS, RIGS, 1), "too large": drawn(LARGE, SMALL_RIGS, 2)}


class Client:
    """One connection, one question at a time."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, question):
        body = json.dumps(question).encode()
        self.question, self.got, self.need = question, b"", None
        self.begin = time.perf_counter()
        self.socket.sendall(b"POST /api/plan HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def take(self):
        """Seconds the answer took, once it is whole."""
        self.got += self.socket.recv(1 << 18)
        if self.need is None and b"\r\n\r\n" in self.got:
            head = self.got[:self.got.index(b"\r\n\r\n")]
            self.need = len(head) + 4 + int(re.search(rb"Content-Length: (\d+)", head).group(1))
        if self.need is None or len(self.got) < self.need:
            return None
        took = time.perf_counter() - self.begin
        if not self.got.startswith(b"HTTP/1.1 200"):
            sys.exit(f"{self.question}: {self.got[:400]!r}")
        return took


def measure(port, questions, clients):
    waits = selectors.DefaultSelector()
    for client in (Client(port) for _ in range(clients)):
        question = next(questions, None)
        if question is not None:
            client.ask(question)
            waits.register(client.socket, selectors.EVENT_READ, client)
    times = []
    while waits.get_map():
        for key, _ in waits.select():
            took = key.data.take()
            if took is None:
                continue
            times.append(took)
            question = next(questions, None)
            if question is None:
                waits.unregister(key.fileobj)
                key.fileobj.close()
            else:
                key.data.ask(question)
    return sorted(times)


def processor_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("program")
    options.add_argument("--requests", type=int, default=2000)
    options.add_argument("--clients", type=int, default=8)
    options.add_argument("--budget", type=float, default=10.0)
    options.add_argument("--kinds", default=",".join(KINDS))
    given = options.parse_args()
    server = subprocess.Popen([given.program, "web", "--port", "0"], stdout=subprocess.PIPE, text=True)
    worst = 0.0
    try:
        port = int(re.search(r":(\d+)/", server.stdout.readline()).group(1))
        measure(port, itertools.islice(drawn(MODELS, RIGS, 3)(40), 40), 1)   # a server that has answered before
        for kind in given.kinds.split(","):
            before, own, begin = processor_seconds(server.pid), resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
            times = measure(port, iter(KINDS[kind](given.requests)), given.clients)
            wall, spent = time.perf_counter() - begin, processor_seconds(server.pid) - before
            now = resource.getrusage(resource.RUSAGE_SELF)
            clients = now.ru_utime + now.ru_stime - own.ru_utime - own.ru_stime
            quantile = lambda share: times[min(len(times) - 1, int(share * len(times)))] * 1e3
            worst = max(worst, quantile(.99) / given.budget)
            print(f"{kind:10} median {quantile(.5):6.2f} ms   p99 {quantile(.99):6.2f} ms   most {times[-1] * 1e3:6.1f} ms   budget {given.budget:.0f} ms   {quantile(.99) / given.budget:5.2f}"
                  f"   {len(times) / wall:5.0f}/s   of the processor: {spent / len(times) * 1e3:.2f} ms a plan, clients {clients / len(times) * 1e3:.2f}")
    finally:
        server.terminate()
        server.wait(timeout=10)
    sys.exit(worst > 3)


main()

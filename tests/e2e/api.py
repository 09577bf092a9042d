#!/usr/bin/env python3
"""Drives the server as hostile and as busy clients do: python3 tests/e2e/api.py PROGRAM [REQUESTS]

Checks that every answer is what docs/openapi.json says, whatever is sent; that /api/plan gives the command line's numbers to the digit; that
slow, silent, aborting and lying clients neither hang nor kill it; and that memory stays flat over REQUESTS (800 by default; the soak is
200000)."""

import http.client
import json
import os
import pathlib
import random
import re
import resource
import socket
import subprocess
import sys
import threading
import time

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.path.abspath(sys.argv[1])
REQUESTS = int(sys.argv[2]) if len(sys.argv) > 2 else 800
CLIENTS = 8
API = json.loads((ROOT / "docs/openapi.json").read_text())
PLAN = {"model": "qwen3-8b:q4_k_m", "rig": "rtx-3090"}


def schema(name):
    text = json.dumps(API["components"]["schemas"]).replace("#/components/schemas/", "#/$defs/")
    return {"$ref": "#/$defs/" + name, "$defs": json.loads(text)}


VALIDATORS = {name: jsonschema.Draft202012Validator(schema(name)) for name in API["components"]["schemas"]}


class Server:
    def __init__(self, address_space=None):   # bytes it may have at most, as ulimit -v
        limit = (lambda: resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))) if address_space else None
        self.process = subprocess.Popen([PROGRAM, "web", "--port", "0"], stdout=subprocess.PIPE, text=True, preexec_fn=limit)
        self.port = int(re.search(r":(\d+)/", self.process.stdout.readline()).group(1))

    def ask(self, method, path, body=None, headers=None, connection=None):
        own = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        kind = {"Content-Type": "application/json"} if method == "POST" else {}
        own.request(method, path, body, {**kind, **(headers or {})})
        answer = own.getresponse()
        data = answer.read()
        if connection is None:
            own.close()
        return answer.status, data

    def plan(self, request, connection=None):
        return self.ask("POST", "/api/plan", json.dumps(request), connection=connection)

    def memory(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    def raw(self, data, read=True, timeout=5):
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as one:
            one.sendall(data)
            return one.recv(65536) if read else b""


def check(what, good, detail=""):
    if not good:
        sys.exit(f"api: {what} failed {detail}")


def errors_of(name, data):
    return [error.message for error in VALIDATORS[name].iter_errors(json.loads(data))]


def same_as_command_line(server):
    for request in (PLAN, {"model": "qwen3-32b:q8_0", "rig": "2xrtx-3090", "context": "32k", "lang": "zh"}):
        words = [request["model"], "--on", request["rig"], "--json"]
        words += ["-c", request["context"]] if "context" in request else []
        told = subprocess.run([PROGRAM, "plan", *words, "--lang", request.get("lang", "en")], capture_output=True, check=False).stdout
        status, data = server.plan(request)
        check("plan as the command line", status == 200 and data == told, str(request))
        check("plan's schema", not errors_of("Plan", data), str(errors_of("Plan", data))[:400])


def answers_by_the_document(server):
    for path, name in (("/api/about", "About"), ("/api/list/devices", "Listed"), ("/api/list/models", "Listed"), ("/api/show/rtx-3090", "Shown"),
                       ("/api/roofline/rtx-3090", "Roofline")):
        status, data = server.ask("GET", path)
        check(path, status == 200 and not errors_of(name, data), str(errors_of(name, data))[:400])
    for path, request, name in (("/api/curve", PLAN, "Curve"), ("/api/compare", {"models": [PLAN["model"]], "rigs": ["rtx-3090", "rtx-4090"]}, "Compare"),
                                ("/api/report", {"verb": "plan", "format": "html", "request": PLAN}, "Report")):
        status, data = server.ask("POST", path, json.dumps(request))
        check(path, status == 200 and not errors_of(name, data), str(errors_of(name, data))[:400])


WORDS = ["", " ", "qwen3-8b", "qwen3-8b:q4_k_m", "rtx-3090", "99999xrtx-3090", "2xrtx-3909", "host=epyc-7532:8xddr4-3200:512g", "..", "\u4e2d\u6587", "\0", "a" * 3000, "-1", "1e999",
         "../../etc/passwd", "/etc/passwd", "<script>", "%00", "llama.cpp", "vllm", "--cpu-moe", "-c 99999999999", "nvlink", "rtx-3090@", "x" * 100 + ":" + "y"]
VALUES = [None, True, False, 0, -1, 1, 0.5, 1e308, 2**63, [], {}, [[]], {"a": {}}]


def fuzz(server, rounds, chance):
    """Requests made from the document's own members with wrong values: never a 5xx, always an Error."""
    targets = [("/api/plan", "PlanRequest"), ("/api/curve", "PlanRequest"), ("/api/compare", "CompareRequest"), ("/api/report", "ReportRequest"), ("/api/jobs", "JobRequest")]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    for _ in range(rounds):
        path, name = chance.choice(targets)
        request = dict(PLAN) if name == "PlanRequest" and chance.random() < 0.7 else {}
        for member in API["components"]["schemas"][name]["properties"]:
            if chance.random() < 0.3:
                request[member] = chance.choice(WORDS) if chance.random() < 0.6 else chance.choice(VALUES + [WORDS])
        if chance.random() < 0.1:
            request[chance.choice(WORDS)[:50]] = 1
        body = json.dumps(request)
        if chance.random() < 0.2:
            cut = chance.randrange(len(body) + 1)
            body = body[:cut] + chance.choice(["", "\x00", "{", "\ufffd", "[" * 500]) + body[cut + 1:]
        status, data = server.ask("POST", path, body.encode(), connection=connection)
        check("no fault inside", status < 500, f"{status} {path} {body[:300]} {data[:300]}")
        if status >= 400:
            check("an Error", not errors_of("Error", data), f"{path} {body[:300]} {data[:300]}")
    connection.close()


def dropped_models_keep_apart(server):
    """Two files that differ in anything are two models, whatever their tensors are called."""
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_hidden_layers": 2, "hidden_size": 256, "num_attention_heads": 4, "num_key_value_heads": 2,
              "head_dim": 64, "intermediate_size": 512, "vocab_size": 1000, "tie_word_embeddings": False, "torch_dtype": "bfloat16"}
    names, longest = [], []
    for context in (4096, 8192, 4096):
        status, data = server.ask("POST", "/api/shape?name=config.json", json.dumps({**config, "max_position_embeddings": context}), {"Content-Type": "application/octet-stream"})
        check("a dropped config", status == 200, data[:300])
        names.append(json.loads(data)["model"])
        status, data = server.plan({"model": names[-1], "rig": "rtx-3090"})
        check("a plan of it", status == 200, data[:300])
        longest.append(json.loads(data)["model"]["max_context"])
    check("names tell them apart", names[0] != names[1] and names[0] == names[2] and longest == [4096, 8192, 4096], f"{names} {longest}")


def numbers_out_of_range(server):
    for value in (-1e300, 1e300, -5, 0.5):
        status, data = server.plan({**PLAN, "depth": value})
        check("a count out of range", status == 400 and not errors_of("Error", data) and json.loads(data)["field"] == "depth", data[:300])
    status, data = server.ask("POST", "/api/jobs", json.dumps({"verb": "evaluate", "request": {"by": ["kind", "phase", "engine", "backend", "vendor", "family", "device", "format", "depth", "size"]}}))
    check("ten groups", status == 202, data[:300])
    server.ask("DELETE", f"/api/jobs/{json.loads(data)['id']}")


def refusals_are_for_programs_and_people(server):
    """A refusal names the member in no language but the document's, says why in the one asked for, and is never this server's fault."""
    for request, field in (({"model": "qwen3-8c"}, "model"), ({"engine": "vlm"}, "engine"), ({"flags": "-ngl"}, "flags"), ({"flags": "-ts 1,2"}, "flags"), ({"context": "zz"}, "context"),
                           ({"rig": "nothing/here.toml"}, "rig"), ({"rig": "."}, "rig")):
        status, data = server.plan({**PLAN, **request, "lang": "zh"})
        error = json.loads(data)
        check("a refusal", 400 <= status < 500 and error["field"] == field, f"{status} {request} {data.decode()}")
        check("its reason in Chinese", any(ord(c) > 0x2E80 for c in error["reason"]), f"{request} {data.decode()}")
    status, data = server.plan({**PLAN, "context": 0})
    check("a context of 0", status == 200 and json.loads(data)["context"] == json.loads(data)["model"]["max_context"], data[:300])
    status, data = server.ask("GET", "/api/show/rtx-3090?lang=fr")
    check("no such language", status == 400 and json.loads(data)["field"] == "lang", data[:300])


def comparisons_have_bounds():
    """60 rows of 4000 unlike devices took 23 GB and 12 minutes. What is refused says what would not be; what is not lives in little memory."""
    kinds = "rtx-3090 rtx-4090 rtx-5090 mi50-32g v100-sxm2-32gb p40 a100-sxm-80gb h100-sxm rx-7900-xtx arc-b580".split()
    mixed = lambda count: "+".join(f"{count}x{kind}" for kind in kinds)
    models = ["qwen3-8b", "qwen3-32b", "gpt-oss-120b"]
    server = Server(address_space=2 << 30)
    try:
        for verb, request, field in (("compare", {"models": models, "rigs": [mixed(400)] * 20}, "rigs"), ("plan", {**PLAN, "rig": mixed(400)}, "rig"), ("curve", {**PLAN, "rig": mixed(400)}, "rig"),
                                     ("compare", {"models": models, "rigs": ["999xrtx-3090"] * 20}, "rigs"), ("compare", {"models": models, "rigs": ["999xmi50-32g"] * 3}, "rigs")):   # 999 x 60 rows > 32768; a link for each pair
            begin = time.monotonic()
            status, data = server.ask("POST", "/api/" + verb, json.dumps(request))
            error = json.loads(data)
            check("too many devices", status == 422 and error["field"] == field and re.search(r"256|32,768", error["reason"]) and not errors_of("Error", data), f"{status} {data[:300]}")
            check("refused at once", time.monotonic() - begin < 5)
        for request in ({"models": models, "rigs": ["cloudmatrix-384"] * 2}, {"models": models, "rigs": [mixed(25)] * 15}, {"models": models, "rigs": ["999xrtx-3090"] * 10}, {"models": models[:1], "rigs": ["999xmi50-32g"]}):
            status, data = server.ask("POST", "/api/compare", json.dumps(request))
            check("a large comparison", status == 200 and not errors_of("Compare", data), f"{status} {data[:300]}")
        for i in range(40):   # read and forgotten
            server.plan({**PLAN, "rig": "999xmi50-32g@%dw" % (150 + i)})
        check("still answers", server.plan(PLAN)[0] == 200)
        check("in little memory", server.memory() < 1 << 20, f"{server.memory()} kB")
    finally:
        server.process.terminate()
    check("ends when told to", server.process.wait(timeout=10) == 0)


def nobody_waits(server):
    """A comparison whose client has left ends early, and one that only ended its sending is answered."""
    body = json.dumps({"models": ["qwen3-8b", "qwen3-32b", "gpt-oss-120b"], "rigs": [f"{n}xmi50-32g" for n in range(60, 80)], "lang": "en"}).encode()
    head = b"POST /api/compare HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as one:
        one.sendall(head + body)
        one.shutdown(socket.SHUT_WR)
        begin, data = time.monotonic(), b""
        while not data.endswith(b"}\n"):
            got = one.recv(1 << 20)
            if not got:
                break
            data += got
        whole = time.monotonic() - begin
    check("half closed and answered", b"HTTP/1.1 200" in data and data.endswith(b"}\n"), data[:200])
    for _ in range(8):
        server.raw(head + body, read=False)
    begin = time.monotonic()
    check("answered beside them", server.plan({**PLAN, "context": 3333})[0] == 200)
    check("nobody waits for those who left", time.monotonic() - begin < max(1.0, 2 * whole), f"{time.monotonic() - begin:.1f} s; one takes {whole:.1f} s")


def refusals_in_chinese(server):
    """Also where a request is not even read to its end."""
    for data in (b"POST /api/plan?lang=zh HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n",
                 b"POST /api/plan?lang=zh HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"GET /api/nothing?lang=zh HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 b"POST /api/plan?lang=zh HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}"):
        error = json.loads(server.raw(data).split(b"\r\n\r\n", 1)[1])
        check("its reason in Chinese", any(ord(c) > 0x2E80 for c in error["reason"]), f"{data[:60]} {error}")
    for path, name in (("/api/roofline/rtx-3090?lang=zh", "Roofline"), ("/api/show/rtx-3090?lang=zh", "Shown"), ("/api/support/rtx-3090?lang=zh", "Supported")):
        status, data = server.ask("GET", path)
        check(path, status == 200 and not errors_of(name, data), str(errors_of(name, data))[:400])
    status, data = server.ask("GET", "/api/jobs/1?after=-3")
    check("no such sequence", status == 400 and json.loads(data)["field"] == "after", data[:300])


def stopped_half_way(server):
    """Long work ends soon after nobody wants it any more, and leaves its place to others."""
    for request in ({}, {"hold_out": "source"}):
        for _ in range(5):   # more than may run at once
            status, data = server.ask("POST", "/api/jobs", json.dumps({"verb": "evaluate", "request": request}))
            check("a job is started", status == 202 and not errors_of("Job", data), data[:300])
            job = json.loads(data)
            time.sleep(0.3)
            server.ask("DELETE", f"/api/jobs/{job['id']}")
            begin = time.monotonic()
            while job["state"] == "running" and time.monotonic() - begin < 20:
                job = json.loads(server.ask("GET", f"/api/jobs/{job['id']}?after={job['sequence']}&wait=5")[1])
            check("a stopped job ends", job["state"] == "cancelled" and time.monotonic() - begin < 10, f"{job['state']} after {time.monotonic() - begin:.1f} s")


def hostile(server):
    post = b"POST /api/plan HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for data, status in ((b"GET / HTTP/1.1\r\n\r\n", b"400"), (b"\x16\x03\x01\x02\x00 nonsense \r\n\r\n", b"400"), (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n", b"431"),
                         (post + b"Content-Length: 99999999999\r\n\r\n", b"413"), (post + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
                         (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"403"), (b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n", b"403")):
        check("refused", server.raw(data).split(b" ")[1:2] == [status], str(data[:60]))
    crowd = []
    for i in range(120):   # silent, half a head, half a body, never reading
        one = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        one.sendall([b"", b"GET / HT", post + b"Content-Length: 100\r\n\r\n{", b"GET /page.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20][i % 4])
        crowd.append(one)
    for _ in range(200):   # gone before their answer
        server.raw(post + b"Content-Length: %d\r\n\r\n" % len(json.dumps(PLAN)) + json.dumps(PLAN).encode(), read=False)
    begin = time.monotonic()
    check("answers beside 120 slow clients", server.plan(PLAN)[0] == 200 and time.monotonic() - begin < 15)
    for one in crowd:
        one.close()


def busy(server, requests, clients, fresh=False):
    """Times of plan under `clients` at once, with connections dropped half way between them. Five questions in turn, or, `fresh`, none twice:
    the server remembers answers."""
    times, wrong = [], []

    def client(number):
        chance = random.Random(number)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        for i in range(requests // clients):
            request = {**PLAN, "context": 2048 + clients * i + number if fresh else chance.choice([2048, 4096, 8192, 16384, 32768])}
            begin = time.perf_counter()
            status, data = server.plan(request, connection)
            times.append(time.perf_counter() - begin)
            if status != 200 or not data.endswith(b"}\n"):
                wrong.append((status, data[:200]))
            if i % 50 == 49:
                server.raw(b"POST /api/plan HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{", read=False)
        connection.close()

    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check("every plan answered", not wrong, str(wrong[:3]))
    times.sort()
    return times


def main():
    server = Server()
    try:
        same_as_command_line(server)
        answers_by_the_document(server)
        dropped_models_keep_apart(server)
        numbers_out_of_range(server)
        refusals_are_for_programs_and_people(server)
        refusals_in_chinese(server)
        comparisons_have_bounds()
        nobody_waits(server)
        fuzz(server, max(200, min(REQUESTS // 5, 5000)), random.Random(7))
        stopped_half_way(server)
        hostile(server)
        busy(server, max(400, REQUESTS // 10), CLIENTS)
        hostile(server)
        fresh = busy(server, max(80, min(REQUESTS // 10, 2000)), CLIENTS, fresh=True)   # fills the memory for answers
        before = server.memory()   # what one round of everything leaves in the allocator's hands
        times = busy(server, REQUESTS, CLIENTS)
        hostile(server)
        after = server.memory()
        check("memory flat", after < before * 1.1 + 40960, f"{before} -> {after} kB")
        for name, took in (("plans", times), ("plans that nobody asked before", fresh)):
            quantile = lambda share: took[min(len(took) - 1, int(share * len(took)))] * 1000
            print(f"api: {len(took)} {name} by {CLIENTS} clients: median {quantile(.5):.1f} ms, p99 {quantile(.99):.1f} ms, most {took[-1] * 1000:.1f} ms")
        print(f"api: memory {before} -> {after} kB")
    finally:
        server.process.terminate()
    check("ends when told to", server.process.wait(timeout=10) == 0)


main()

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The agent's socket abused: garbage, lengths that lie, half messages, clients that are slow or many. Each loses its own
# connection at most; memory and descriptors come back; pods are wired meanwhile and afterwards.

setup_file() {
	load nodes
	nodes_up a b
	agent_start a
	pod_up a client app=client
	pod_up a one app=web
	serve one tcp 8080
	eventually pod client peer ask tcp "$(pod4 one)" 8080
	save_cluster
}

setup() {
	load nodes && restore_cluster
	SOCKET=$WEIR_RUN_DIR/a/agent.sock
	FDS=$(descriptors) RSS=$(resident)
}

# The agent is the process that it was, ready, no bigger, and holds nothing of those who are gone.
teardown() {
	kill -0 "${AGENT_PID[a]}"
	eventually -t 30 is_as_before
	pod client peer ask tcp "$(pod4 one)" 8080
	save_cluster
}

teardown_file() { load nodes && restore_cluster && cluster_down; }

descriptors() { find "/proc/${AGENT_PID[a]}/fd" -mindepth 1 | wc -l; }
resident() { awk '/^VmRSS/ { print $2 }' "/proc/${AGENT_PID[a]}/status"; }

is_as_before() {
	weir status --instance a --ready || return 1
	(($(descriptors) <= FDS)) || { echo "descriptors: $FDS, now $(descriptors)"; return 1; }
	(($(resident) <= RSS + 4096)) || { echo "KiB: $RSS, now $(resident)"; return 1; }
}

# abuse < PYTHON: with frame(), connect(), and ended(), which waits until the agent closes.
abuse() {
	timeout 100 python3 -c '
import json, os, random, socket, struct, sys, time
path, seed = sys.argv[1], 7
random.seed(seed)
def connect():
	s = socket.socket(socket.AF_UNIX)
	s.settimeout(20)
	while True:
		try:
			s.connect(path)
			return s
		except BlockingIOError: time.sleep(0.01) # the backlog is full
def frame(text):
	if isinstance(text, str): text = text.encode()
	return struct.pack("<I", len(text)) + text
def send(s, data):
	try:
		s.sendall(data)
		return True
	except OSError:
		return False
def ended(s):
	try:
		while s.recv(65536): pass
	except ConnectionResetError: pass
	s.close()
def answer(s):
	n = b""
	while len(n) < 4: n += s.recv(4 - len(n)) or sys.exit("closed instead of an answer")
	size, data = struct.unpack("<I", n)[0], b""
	while len(data) < size: data += s.recv(size - len(data)) or sys.exit("closed within an answer")
	return json.loads(data)
def status():
	s = connect()
	s.sendall(frame("{\"version\":1,\"verb\":\"status\"}"))
	a = answer(s)
	s.close()
	return a
'"$(cat)" "$SOCKET"
}

@test "random bytes end their own connections only" {
	abuse <<-'P'
		for i in range(300):
		    s = connect()
		    send(s, os.urandom(random.randrange(1, 20000)))
		    try: s.shutdown(socket.SHUT_WR)
		    except OSError: pass
		    ended(s)
	P
}

@test "lengths that lie: none, less than one, a gigabyte, all ones" {
	abuse <<-'P'
		for n in (0, 1, 65536, 1 << 20, 1 << 24, 1 << 30, 0x7fffffff, 0xffffffff, 0xfffffffc):
		    s = connect()
		    send(s, struct.pack("<I", n) + b"{}")
		    s.shutdown(socket.SHUT_WR)
		    ended(s)
	P
	abuse <<-'P'
		# What is too large is refused before it is read.
		s = connect()
		send(s, struct.pack("<I", 1 << 30))
		start = time.time()
		ended(s)
		assert time.time() - start < 5, "a gigabyte is waited for"
	P
}

@test "requests that are no objects, no verbs, of other versions or types get an answer that says so, or the door" {
	abuse <<-'P'
		def said(text, expected):
		    s = connect()
		    s.sendall(frame(text))
		    a = answer(s)
		    s.close()
		    assert expected in json.dumps(a), (text, a)
		said("{}", "version")
		said('{"version": 0, "verb": "status"}', "version")
		said('{"version": "one", "verb": "status"}', "version")
		said('{"version": 1}', "verb")
		said('{"version": 1, "verb": 7}', "verb")
		said('{"version": 1, "verb": "no-such-verb"}', "no-such-verb")
		said(json.dumps({"version": 1, "verb": "x" * 60000}), "verb")
		for verb in ("hello", "register", "release", "check", "gc", "lookup", "why", "monitor"):
		    for body in (None, 7, [], "x", {}, {"container": 7}, {"id": {"container": "../../etc", "ifname": "a" * 300}}):
		        s = connect()
		        s.sendall(frame(json.dumps({"version": 1, "verb": verb, "body": body})))
		        s.settimeout(0.2)
		        try: s.recv(65536)
		        except (TimeoutError, ConnectionResetError): pass
		        s.close()
		for text in ("[1,2]", "7", '"x"', "null", "{", "{\"a\":}", "\xff\xfe", "[" * 60000, '{"a":' * 10000, "{}{}", "\0" * 50):
		    s = connect()
		    send(s, frame(text))
		    s.settimeout(20)
		    ended_or = None
		    try: s.recv(65536)
		    except ConnectionResetError: pass
		    s.close()
		status()
	P
}

@test "half a message is waited for a while, and not for ever; others are served meanwhile" {
	abuse <<-'P'
		slow = [connect() for i in range(50)]
		for i, s in enumerate(slow):
		    s.sendall(frame('{"version":1,"verb":"status"}')[:1 + i % 30])
		for i in range(20): status()
		start = time.time()
		for s in slow: ended(s)
		assert time.time() - start < 60
	P
}

@test "a client that writes byte by byte is answered, one that never reads is let go" {
	abuse <<-'P'
		s = connect()
		for b in frame('{"version":1,"verb":"status"}'):
		    s.sendall(bytes([b]))
		    time.sleep(0.005)
		assert answer(s)
		s.close()
		deaf = connect()
		deaf.settimeout(2)
		try:
		    for i in range(100000): deaf.sendall(frame('{"version":1,"verb":"status"}'))
		except (TimeoutError, BrokenPipeError, ConnectionResetError): pass
		for i in range(20): status()
		deaf.close()
	P
}

@test "a thousand connections at once: the agent lives, and pods are wired when they are gone" {
	abuse <<-'P'
		import resource
		resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
		all = []
		for i in range(1000):
		    s = socket.socket(socket.AF_UNIX)
		    s.settimeout(5)
		    try: s.connect(path)
		    except (TimeoutError, BlockingIOError, ConnectionRefusedError): pass
		    all.append(s)
		    if i % 3 == 0: send(s, b"\x05\0\0\0{")
		for s in all: s.close()
	P
	pod_up a late app=web
	pod late ping -nc 1 -W 2 "$(pod4 one)"
	pod_down late
}

@test "pods come and go while the socket is abused" {
	abuse <<-'P' 3>&- 4>&- &
		end = time.time() + 8
		while time.time() < end:
		    s = [connect() for i in range(20)]
		    for c in s: send(c, os.urandom(200))
		    for c in s: c.close()
	P
	abuser=$!
	for i in 1 2 3 4 5; do
		pod_up a "busy$i" app=web
		pod "busy$i" ping -nc 1 -W 2 "$(pod4 one)"
		pod_down "busy$i"
	done
	wait $abuser
}

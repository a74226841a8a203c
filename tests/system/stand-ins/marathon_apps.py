#!/usr/bin/env python3
"""A stand-in for Marathon as marathon-lb sees it: `GET /v2/apps?embed=apps.tasks` tells what stands in a
file, `GET /v2/events` is a stream that tells of each change of that file. It is for tests and of no other
use. Arguments: address, port, the file, and `user:password` where it lets nobody else in."""

import base64
import http.server
import json
import os
import sys
import time
import urllib.parse

ADDRESS, PORT, FILE = sys.argv[1], int(sys.argv[2]), sys.argv[3]
KNOWN = base64.b64encode(sys.argv[4].encode()).decode() if len(sys.argv) > 4 else None


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def reply(self, status, kind, text):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        if KNOWN and self.headers.get("Authorization") != f"Basic {KNOWN}":
            self.reply(401, "application/json", b'{"message": "Invalid username or password."}')
            return
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        if url.path == "/v2/apps" and query == {"embed": ["apps.tasks"]}:
            with open(FILE, encoding="utf-8") as file:
                apps = json.load(file)
            self.reply(200, "application/json", json.dumps({"apps": apps}).encode())
        elif url.path == "/v2/events" and self.headers.get("Accept") == "text/event-stream":
            self.events(query["event_type"])
        else:
            self.reply(404, "application/json", b'{"message": "not here"}')

    def events(self, kinds):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        seen = os.stat(FILE).st_mtime_ns
        event = {"eventType": "event_stream_attached"}
        while True:
            data = json.dumps(event)
            self.wfile.write(f"event: {event['eventType']}\r\ndata: {data}\r\n\r\n".encode())
            self.wfile.flush()
            while (changed := os.stat(FILE).st_mtime_ns) == seen:
                time.sleep(0.05)
            seen = changed
            event = {"eventType": "status_update_event"}
            if event["eventType"] not in kinds:
                return


http.server.ThreadingHTTPServer((ADDRESS, PORT), Handler).serve_forever()

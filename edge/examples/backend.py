"""A backend in Python behind the edge, without packages: it answers only requests that the edge has signed."""

import base64, hashlib, hmac, json, os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Two while EDGE_SECRET is changed: the new one, the old one.
SECRETS = os.environ['EDGE_SECRETS'].split(',')

def came_through_the_edge(method, target, headers):
    names = ['x-gatehouse-client-address', 'x-gatehouse-time', 'x-request-id']
    hop = '\n'.join(['gatehouse-hop-1', method, target] + [headers.get(name, '') for name in names]).encode()
    signature = headers.get('x-gatehouse-signature', '').encode()
    macs = [hmac.new(secret.encode(), hop, hashlib.sha256).hexdigest().encode() for secret in SECRETS]
    is_genuine = any([hmac.compare_digest(mac, signature) for mac in macs])
    return is_genuine and -5_000 <= time.time() * 1000 - int(headers['x-gatehouse-time']) <= 30_000

class Backend(BaseHTTPRequestHandler):
    def do_GET(self):
        if not came_through_the_edge(self.command, self.path, self.headers):
            return self.answer(403, '')
        if self.path.split('?')[0] == '/health':
            return self.answer(200, 'ok')
        # The route requires a token, so the edge has verified it.
        payload = self.headers['authorization'].split('.')[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + '=' * (-len(payload) % 4)))
        self.answer(200, 'orders of ' + claims['sub'])

    def answer(self, status, text):
        self.send_response(status)
        self.send_header('content-length', str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

server = ThreadingHTTPServer(('127.0.0.1', int(os.environ.get('PORT', '8080'))), Backend)
print(f'http://127.0.0.1:{server.server_port}', flush=True)
server.serve_forever()

"""One call of the Runtime API: prints the request's id and the answer."""
import sys, urllib.request as http

answer = http.urlopen(sys.argv[1], data=sys.argv[2].encode() if len(sys.argv) > 2 else None)
print(answer.headers["Lambda-Runtime-Aws-Request-Id"], answer.read().decode())

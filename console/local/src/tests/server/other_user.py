"""Connects to a port of the loopback, and prints how many bytes of an answer come."""
import socket, sys

connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
try:
    connection.sendall(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
    print(len(connection.recv(1)))
except OSError:
    print(0)

"""Prints what a URL answers."""
import sys, urllib.request

print(urllib.request.urlopen(sys.argv[1] + "x").read().decode())

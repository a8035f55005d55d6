"""Checks the history below a directory as another program that reads the file."""
import glob, sqlite3, sys

file = glob.glob(sys.argv[1] + "/**/history.sqlite", recursive=True)[0]
print(sqlite3.connect(file).execute("PRAGMA integrity_check").fetchone()[0])

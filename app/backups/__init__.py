"""Backups of a whole deployment, as a folder, and their return, to the same engines or to the others.

manifest.json          what is in it, with the SHA-256 of every file but those that a listing vouches for
records.db             all records, where SQLite keeps them
records/TABLE.jsonl.gz the same, where DynamoDB does, in its own export format
files/                 index.db, data/ and sums.jsonl.gz, where this machine keeps files
files/objects/         the same, where S3 does, and files.jsonl.gz, which names them
keys/                  secrets that the server has made for itself
"""

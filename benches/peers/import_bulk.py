#!/usr/bin/env python3
"""Loads documents with python-arango's own helper, as its documentation shows: `import_bulk`, in batches.

    import_bulk.py URL COLLECTION FILE BATCH
"""

import json
import sys

from arango import ArangoClient


def main():
    url, collection, file, batch = sys.argv[1:]
    with open(file, "rb") as lines:
        documents = [json.loads(line) for line in lines]
    target = ArangoClient(hosts=url, request_timeout=300).db("_system").collection(collection)
    answers = target.import_bulk(documents, halt_on_error=False, batch_size=int(batch))
    answers = answers if isinstance(answers, list) else [answers]
    print(f"stored {sum(answer['created'] for answer in answers)}")


if __name__ == "__main__":
    main()

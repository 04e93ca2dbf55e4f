#!/usr/bin/env python3
"""Loads documents with a Python client's own helper, as its documentation shows: `parallel_bulk`, operation `create`, own keys.

    parallel_bulk.py elasticsearch|opensearchpy URL INDEX FILE CHUNK THREADS
"""

import importlib
import json
import sys


def actions(file, index):
    with open(file, "rb") as lines:
        for line in lines:
            document = json.loads(line)
            yield {"_op_type": "create", "_index": index, "_id": document.pop("_key"), "_source": document}


def main():
    module, url, index, file, chunk, threads = sys.argv[1:]
    client = importlib.import_module(module)
    helpers = importlib.import_module(f"{module}.helpers")
    make = client.Elasticsearch if module == "elasticsearch" else client.OpenSearch
    connection = make([url], timeout=300, maxsize=int(threads))
    done = helpers.parallel_bulk(
        connection, actions(file, index), thread_count=int(threads), chunk_size=int(chunk), queue_size=int(threads)
    )
    stored = sum(1 for good, _ in done if good)
    print(f"stored {stored}")


if __name__ == "__main__":
    main()

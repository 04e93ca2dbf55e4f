
use builtin;
use str;

set edit:completion:arg-completer[bulkimport] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'bulkimport'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'bulkimport'= {
            cand --file 'The same as a FILE, as arangoimport and mongoimport write it'
            cand --to 'FILE.db, a server or files'
            cand -c 'Where the records go (otherwise the file''s name)'
            cand --collection 'Where the records go (otherwise the file''s name)'
            cand -u 'Name and password for the server'
            cand --user 'Name and password for the server'
            cand --password-file 'File with the password'
            cand --api-key-file 'File with an API key, as issued by the server'
            cand --bearer-file 'File with a bearer token'
            cand --cacert 'Trust these certificate authorities (PEM), not the system''s'
            cand --cert 'Client certificate (PEM), optionally with its key'
            cand --client-key 'Private key of --cert (PEM)'
            cand -H 'Additional header for each request; repeat for more'
            cand --header 'Additional header for each request; repeat for more'
            cand --timeout 'Maximum time for a request and its response'
            cand --connect-timeout 'Maximum time to connect'
            cand --retries 'Maximum number of retries without any progress'
            cand --retry-max-time 'Maximum time of retries without progress'
            cand --compress-transfer 'Compress request bodies: auto, gzip or none'
            cand --refresh 'Make documents visible to searches: true, false or wait_for'
            cand --routing-field 'Field whose value is the routing'
            cand --pipeline 'Ingest pipeline for the documents'
            cand --wait-for-active-shards 'Copies of a shard that must be active: a number, or all'
            cand --retry-on-conflict 'Maximum number of retries of an update by the server on a conflict'
            cand -t 'auto, jsonl, json, csv, tsv, arrays or bulk'
            cand --type 'auto, jsonl, json, csv, tsv, arrays or bulk'
            cand --records 'The records are the elements of this array in each JSON value'
            cand --doc 'The document is this field of a record'
            cand --compression 'auto, none, gzip, zstd, bzip2 or xz'
            cand --encoding 'Encoding of the text, such as windows-1252 (otherwise UTF-8)'
            cand --skip-lines 'Pass over the first N text lines of each file'
            cand --limit 'Stop after N records of the whole run'
            cand --max-record-bytes 'Longest record; a longer one is an error'
            cand --separator 'Byte between cells: , for csv, \t for tsv'
            cand --quote 'Byte around cells: " for csv, none for tsv'
            cand --headers-file 'File with the header row; the data then has none'
            cand --convert 'auto, or none: every cell is a string'
            cand --datatype 'Column type: string, number, boolean, null or json'
            cand --empty 'What an empty cell becomes: omit, null or string'
            cand --translate 'Rename a field; repeat for more'
            cand --remove-attribute 'Drop a field; repeat for more'
            cand --merge-attributes 'Join fields into a new one: "full=[first] [last]"'
            cand --key 'Field that is the key (otherwise _key, or _id)'
            cand --from-prefix 'Collection prefix of _from: cities turns 1 into cities/1'
            cand --to-prefix 'Collection prefix of _to'
            cand --on-duplicate 'If the key exists: error, update, replace or ignore'
            cand --mapping 'File with the mappings of the index (JSON)'
            cand --unique 'No two documents may have the same value in this field'
            cand --batch-size 'Maximum number of records per batch'
            cand --batch-bytes 'Maximum bytes per batch; a larger record is sent alone'
            cand -j 'Maximum number of concurrent batches (a store: 1)'
            cand --jobs 'Maximum number of concurrent batches (a store: 1)'
            cand --flush-interval 'Maximum time a record of a slow pipe waits for others'
            cand --max-errors 'Stop after more errors than this (exit 3)'
            cand --results 'File for the server''s result of each record'
            cand --summary 'Format of the summary on stdout: text or json'
            cand --progress 'Show progress: auto, bar, plain (a line every 10 s) or none'
            cand --color 'Use colours: auto, always or never'
            cand --completions 'Print completions for bash, zsh, fish, powershell or elvish'
            cand -k 'Do not verify the server''s certificate'
            cand --insecure 'Do not verify the server''s certificate'
            cand --require-alias 'The collection must be an alias'
            cand --bulk-mode 'No refresh and no replicas during the load'
            cand --backslash-escape 'Take \" and \\ in a quoted cell for a quote and a backslash'
            cand --ignore-missing 'Let rows have fewer or more cells than the header'
            cand --nested 'Headers a.b and tags.0 make objects and arrays'
            cand --server-keys 'Let the server generate missing keys'
            cand --edge 'The collection holds edges, with _from and _to'
            cand --overwrite-collection-prefix 'The prefixes replace the collections in _from and _to'
            cand --delete-keys 'Each record names a key to delete'
            cand --complete 'All or nothing: an error rolls back all (exit 6)'
            cand --overwrite 'Empty the collection first'
            cand --wait-for-sync 'What was stored survives a power cut, not only a kill'
            cand --create-collection 'Create the collection if it is missing'
            cand --lossy 'Allow the server to change values that it cannot store'
            cand -n 'Check each record by itself, store nothing'
            cand --dry-run 'Check each record by itself, store nothing'
            cand --details 'Print every error, not only the first ten'
            cand -q 'Only the summary; with --details also every error'
            cand --quiet 'Only the summary; with --details also every error'
            cand -v 'Print how each input is read, and when each step is done'
            cand --verbose 'Print how each input is read, and when each step is done'
            cand --man 'Print the man page, as roff'
            cand -h 'Print the common flags (-h) or all flags (--help)'
            cand --help 'Print the common flags (-h) or all flags (--help)'
            cand -V 'Print the version'
            cand --version 'Print the version'
        }
    ]
    $completions[$command]
}

complete -c bulkimport -l file -d 'The same as a FILE, as arangoimport and mongoimport write it' -r -F
complete -c bulkimport -l to -d 'FILE.db, a server or files' -r -F
complete -c bulkimport -s c -l collection -d 'Where the records go (otherwise the file\'s name)' -r -f
complete -c bulkimport -s u -l user -d 'Name and password for the server' -r -f
complete -c bulkimport -l password-file -d 'File with the password' -r -F
complete -c bulkimport -l api-key-file -d 'File with an API key, as issued by the server' -r -F
complete -c bulkimport -l bearer-file -d 'File with a bearer token' -r -F
complete -c bulkimport -l aws-sigv4 -d 'Sign requests for Amazon OpenSearch Service, as REGION/SERVICE' -r -f
complete -c bulkimport -l cacert -d 'Trust these certificate authorities (PEM), not the system\'s' -r -F
complete -c bulkimport -l cert-fingerprint -d 'Trust the server with this certificate' -r -f
complete -c bulkimport -l cert -d 'Client certificate (PEM), optionally with its key' -r -F
complete -c bulkimport -l client-key -d 'Private key of --cert (PEM)' -r -F
complete -c bulkimport -s H -l header -d 'Additional header for each request; repeat for more' -r -f
complete -c bulkimport -l timeout -d 'Maximum time for a request and its response' -r -f
complete -c bulkimport -l connect-timeout -d 'Maximum time to connect' -r -f
complete -c bulkimport -l wait -d 'Wait until the server is up, for at most this time' -r -f
complete -c bulkimport -l retries -d 'Maximum number of retries without any progress' -r -f
complete -c bulkimport -l retry-max-time -d 'Maximum time of retries without progress' -r -f
complete -c bulkimport -l compress-transfer -d 'Compress request bodies: auto, gzip or none' -r -f -a "auto\t''
gzip\t''
none\t''"
complete -c bulkimport -l refresh -d 'Make documents visible to searches: true, false or wait_for' -r -f -a "true\t''
false\t''
wait_for\t''"
complete -c bulkimport -l routing-field -d 'Field whose value is the routing' -r -f
complete -c bulkimport -l pipeline -d 'Ingest pipeline for the documents' -r -f
complete -c bulkimport -l wait-for-active-shards -d 'Copies of a shard that must be active: a number, or all' -r -f
complete -c bulkimport -l retry-on-conflict -d 'Maximum number of retries of an update by the server on a conflict' -r -f
complete -c bulkimport -s t -l type -d 'auto, jsonl, json, csv, tsv, arrays or bulk' -r -f -a "auto\t''
jsonl\t''
json\t''
csv\t''
tsv\t''
arrays\t''
bulk\t''"
complete -c bulkimport -l records -d 'The records are the elements of this array in each JSON value' -r -f
complete -c bulkimport -l doc -d 'The document is this field of a record' -r -f
complete -c bulkimport -l compression -d 'auto, none, gzip, zstd, bzip2 or xz' -r -f -a "auto\t''
none\t''
gzip\t''
zstd\t''
bzip2\t''
xz\t''"
complete -c bulkimport -l encoding -d 'Encoding of the text, such as windows-1252 (otherwise UTF-8)' -r -f
complete -c bulkimport -l skip-lines -d 'Pass over the first N text lines of each file' -r -f
complete -c bulkimport -l limit -d 'Stop after N records of the whole run' -r -f
complete -c bulkimport -l min-records -d 'Fewer records than N, good or bad, are an error (exit 5)' -r -f
complete -c bulkimport -l max-record-bytes -d 'Longest record; a longer one is an error' -r -f
complete -c bulkimport -l separator -d 'Byte between cells: , for csv, \\t for tsv' -r -f
complete -c bulkimport -l quote -d 'Byte around cells: " for csv, none for tsv' -r -f
complete -c bulkimport -l headers -d 'Column names; the data then has no header row' -r -f
complete -c bulkimport -l headers-file -d 'File with the header row; the data then has none' -r -F
complete -c bulkimport -l comment -d 'Skip lines that begin with this byte' -r -f
complete -c bulkimport -l null -d 'Treat bare cells with this text as empty; repeat for more' -r -f
complete -c bulkimport -l decimal -d 'Decimal separator, such as ,' -r -f
complete -c bulkimport -l thousands -d 'Thousands separator, such as ' -r -f
complete -c bulkimport -l convert -d 'auto, or none: every cell is a string' -r -f -a "auto\t''
none\t''"
complete -c bulkimport -l datatype -d 'Column type: string, number, boolean, null or json' -r -f
complete -c bulkimport -l empty -d 'What an empty cell becomes: omit, null or string' -r -f -a "omit\t''
null\t''
string\t''"
complete -c bulkimport -l translate -d 'Rename a field; repeat for more' -r -f
complete -c bulkimport -l remove-attribute -d 'Drop a field; repeat for more' -r -f
complete -c bulkimport -l merge-attributes -d 'Join fields into a new one: "full=[first] [last]"' -r -f
complete -c bulkimport -l key -d 'Field that is the key (otherwise _key, or _id)' -r -f
complete -c bulkimport -l from-prefix -d 'Collection prefix of _from: cities turns 1 into cities/1' -r -f
complete -c bulkimport -l to-prefix -d 'Collection prefix of _to' -r -f
complete -c bulkimport -l on-duplicate -d 'If the key exists: error, update, replace or ignore' -r -f -a "error\t''
update\t''
replace\t''
ignore\t''"
complete -c bulkimport -l mapping -d 'File with the mappings of the index (JSON)' -r -F
complete -c bulkimport -l unique -d 'No two documents may have the same value in this field' -r -f
complete -c bulkimport -l journal -d 'File with the progress: the same command goes on after any end' -r -F
complete -c bulkimport -l batch-size -d 'Maximum number of records per batch' -r -f
complete -c bulkimport -l batch-bytes -d 'Maximum bytes per batch; a larger record is sent alone' -r -f
complete -c bulkimport -s j -l jobs -d 'Maximum number of concurrent batches (a store: 1)' -r -f
complete -c bulkimport -l max-rate -d 'Maximum number of records per second' -r -f
complete -c bulkimport -l flush-interval -d 'Maximum time a record of a slow pipe waits for others' -r -f
complete -c bulkimport -l max-errors -d 'Stop after more errors than this (exit 3)' -r -f
complete -c bulkimport -l results -d 'File for the server\'s result of each record' -r -F
complete -c bulkimport -l rejects -d 'File for the records that are not stored; it is valid input again' -r -F
complete -c bulkimport -l summary -d 'Format of the summary on stdout: text or json' -r -f -a "text\t''
json\t''"
complete -c bulkimport -l progress -d 'Show progress: auto, bar, plain (a line every 10 s) or none' -r -f -a "auto\t''
bar\t''
plain\t''
none\t''"
complete -c bulkimport -l color -d 'Use colours: auto, always or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c bulkimport -l completions -d 'Print completions for bash, zsh, fish, powershell or elvish' -r -f -a "bash\t''
elvish\t''
fish\t''
powershell\t''
zsh\t''"
complete -c bulkimport -l netrc -d 'Take a missing login from ~/.netrc'
complete -c bulkimport -s k -l insecure -d 'Do not verify the server\'s certificate'
complete -c bulkimport -l require-alias -d 'The collection must be an alias'
complete -c bulkimport -l bulk-mode -d 'No refresh and no replicas during the load'
complete -c bulkimport -l backslash-escape -d 'Take \\" and \\\\ in a quoted cell for a quote and a backslash'
complete -c bulkimport -l trim -d 'Drop blanks around cells, outside quotes'
complete -c bulkimport -l ignore-missing -d 'Let rows have fewer or more cells than the header'
complete -c bulkimport -l nested -d 'Headers a.b and tags.0 make objects and arrays'
complete -c bulkimport -l server-keys -d 'Let the server generate missing keys'
complete -c bulkimport -l edge -d 'The collection holds edges, with _from and _to'
complete -c bulkimport -l overwrite-collection-prefix -d 'The prefixes replace the collections in _from and _to'
complete -c bulkimport -l delete-keys -d 'Each record names a key to delete'
complete -c bulkimport -l complete -d 'All or nothing: an error rolls back all (exit 6)'
complete -c bulkimport -l overwrite -d 'Empty the collection first'
complete -c bulkimport -l wait-for-sync -d 'What was stored survives a power cut, not only a kill'
complete -c bulkimport -l create-collection -d 'Create the collection if it is missing'
complete -c bulkimport -l retarget -d 'Bulk lines go to --collection, whatever index they name'
complete -c bulkimport -l lossy -d 'Allow the server to change values that it cannot store'
complete -c bulkimport -s n -l dry-run -d 'Check each record by itself, store nothing'
complete -c bulkimport -l details -d 'Print every error, not only the first ten'
complete -c bulkimport -s q -l quiet -d 'Only the summary; with --details also every error'
complete -c bulkimport -s v -l verbose -d 'Print how each input is read, and when each step is done'
complete -c bulkimport -l man -d 'Print the man page, as roff'
complete -c bulkimport -s h -l help -d 'Print the common flags (-h) or all flags (--help)'
complete -c bulkimport -s V -l version -d 'Print the version'
complete -c bulkimport -l to -r -F -a 'sqlite: es+http:// es+https:// opensearch+http:// opensearch+https:// cloud: arangodb+http:// arangodb+https:// kuzzle+http:// kuzzle+https:// jsonl: bulk:'

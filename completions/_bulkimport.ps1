
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'bulkimport' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'bulkimport'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'bulkimport' {
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'The same as a FILE, as arangoimport and mongoimport write it')
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'FILE.db, a server or files')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Where the records go (otherwise the file''s name)')
            [CompletionResult]::new('--collection', '--collection', [CompletionResultType]::ParameterName, 'Where the records go (otherwise the file''s name)')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'Name and password for the server')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Name and password for the server')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'File with the password')
            [CompletionResult]::new('--api-key-file', '--api-key-file', [CompletionResultType]::ParameterName, 'File with an API key, as issued by the server')
            [CompletionResult]::new('--bearer-file', '--bearer-file', [CompletionResultType]::ParameterName, 'File with a bearer token')
            [CompletionResult]::new('--aws-sigv4', '--aws-sigv4', [CompletionResultType]::ParameterName, 'Sign requests for Amazon OpenSearch Service, as REGION/SERVICE')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'Trust these certificate authorities (PEM), not the system''s')
            [CompletionResult]::new('--cert-fingerprint', '--cert-fingerprint', [CompletionResultType]::ParameterName, 'Trust the server with this certificate')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'Client certificate (PEM), optionally with its key')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'Private key of --cert (PEM)')
            [CompletionResult]::new('-H', '-H ', [CompletionResultType]::ParameterName, 'Additional header for each request; repeat for more')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'Additional header for each request; repeat for more')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Maximum time for a request and its response')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Maximum time to connect')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Wait until the server is up, for at most this time')
            [CompletionResult]::new('--retries', '--retries', [CompletionResultType]::ParameterName, 'Maximum number of retries without any progress')
            [CompletionResult]::new('--retry-max-time', '--retry-max-time', [CompletionResultType]::ParameterName, 'Maximum time of retries without progress')
            [CompletionResult]::new('--compress-transfer', '--compress-transfer', [CompletionResultType]::ParameterName, 'Compress request bodies: auto, gzip or none')
            [CompletionResult]::new('--refresh', '--refresh', [CompletionResultType]::ParameterName, 'Make documents visible to searches: true, false or wait_for')
            [CompletionResult]::new('--routing-field', '--routing-field', [CompletionResultType]::ParameterName, 'Field whose value is the routing')
            [CompletionResult]::new('--pipeline', '--pipeline', [CompletionResultType]::ParameterName, 'Ingest pipeline for the documents')
            [CompletionResult]::new('--wait-for-active-shards', '--wait-for-active-shards', [CompletionResultType]::ParameterName, 'Copies of a shard that must be active: a number, or all')
            [CompletionResult]::new('--retry-on-conflict', '--retry-on-conflict', [CompletionResultType]::ParameterName, 'Maximum number of retries of an update by the server on a conflict')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'auto, jsonl, json, csv, tsv, arrays or bulk')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'auto, jsonl, json, csv, tsv, arrays or bulk')
            [CompletionResult]::new('--records', '--records', [CompletionResultType]::ParameterName, 'The records are the elements of this array in each JSON value')
            [CompletionResult]::new('--doc', '--doc', [CompletionResultType]::ParameterName, 'The document is this field of a record')
            [CompletionResult]::new('--compression', '--compression', [CompletionResultType]::ParameterName, 'auto, none, gzip, zstd, bzip2 or xz')
            [CompletionResult]::new('--encoding', '--encoding', [CompletionResultType]::ParameterName, 'Encoding of the text, such as windows-1252 (otherwise UTF-8)')
            [CompletionResult]::new('--skip-lines', '--skip-lines', [CompletionResultType]::ParameterName, 'Pass over the first N text lines of each file')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Stop after N records of the whole run')
            [CompletionResult]::new('--min-records', '--min-records', [CompletionResultType]::ParameterName, 'Fewer records than N, good or bad, are an error (exit 5)')
            [CompletionResult]::new('--max-record-bytes', '--max-record-bytes', [CompletionResultType]::ParameterName, 'Longest record; a longer one is an error')
            [CompletionResult]::new('--separator', '--separator', [CompletionResultType]::ParameterName, 'Byte between cells: , for csv, \t for tsv')
            [CompletionResult]::new('--quote', '--quote', [CompletionResultType]::ParameterName, 'Byte around cells: " for csv, none for tsv')
            [CompletionResult]::new('--headers', '--headers', [CompletionResultType]::ParameterName, 'Column names; the data then has no header row')
            [CompletionResult]::new('--headers-file', '--headers-file', [CompletionResultType]::ParameterName, 'File with the header row; the data then has none')
            [CompletionResult]::new('--comment', '--comment', [CompletionResultType]::ParameterName, 'Skip lines that begin with this byte')
            [CompletionResult]::new('--null', '--null', [CompletionResultType]::ParameterName, 'Treat bare cells with this text as empty; repeat for more')
            [CompletionResult]::new('--decimal', '--decimal', [CompletionResultType]::ParameterName, 'Decimal separator, such as ,')
            [CompletionResult]::new('--thousands', '--thousands', [CompletionResultType]::ParameterName, 'Thousands separator, such as ')
            [CompletionResult]::new('--convert', '--convert', [CompletionResultType]::ParameterName, 'auto, or none: every cell is a string')
            [CompletionResult]::new('--datatype', '--datatype', [CompletionResultType]::ParameterName, 'Column type: string, number, boolean, null or json')
            [CompletionResult]::new('--empty', '--empty', [CompletionResultType]::ParameterName, 'What an empty cell becomes: omit, null or string')
            [CompletionResult]::new('--translate', '--translate', [CompletionResultType]::ParameterName, 'Rename a field; repeat for more')
            [CompletionResult]::new('--remove-attribute', '--remove-attribute', [CompletionResultType]::ParameterName, 'Drop a field; repeat for more')
            [CompletionResult]::new('--merge-attributes', '--merge-attributes', [CompletionResultType]::ParameterName, 'Join fields into a new one: "full=[first] [last]"')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'Field that is the key (otherwise _key, or _id)')
            [CompletionResult]::new('--from-prefix', '--from-prefix', [CompletionResultType]::ParameterName, 'Collection prefix of _from: cities turns 1 into cities/1')
            [CompletionResult]::new('--to-prefix', '--to-prefix', [CompletionResultType]::ParameterName, 'Collection prefix of _to')
            [CompletionResult]::new('--on-duplicate', '--on-duplicate', [CompletionResultType]::ParameterName, 'If the key exists: error, update, replace or ignore')
            [CompletionResult]::new('--mapping', '--mapping', [CompletionResultType]::ParameterName, 'File with the mappings of the index (JSON)')
            [CompletionResult]::new('--unique', '--unique', [CompletionResultType]::ParameterName, 'No two documents may have the same value in this field')
            [CompletionResult]::new('--journal', '--journal', [CompletionResultType]::ParameterName, 'File with the progress: the same command goes on after any end')
            [CompletionResult]::new('--batch-size', '--batch-size', [CompletionResultType]::ParameterName, 'Maximum number of records per batch')
            [CompletionResult]::new('--batch-bytes', '--batch-bytes', [CompletionResultType]::ParameterName, 'Maximum bytes per batch; a larger record is sent alone')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Maximum number of concurrent batches (a store: 1)')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Maximum number of concurrent batches (a store: 1)')
            [CompletionResult]::new('--max-rate', '--max-rate', [CompletionResultType]::ParameterName, 'Maximum number of records per second')
            [CompletionResult]::new('--flush-interval', '--flush-interval', [CompletionResultType]::ParameterName, 'Maximum time a record of a slow pipe waits for others')
            [CompletionResult]::new('--max-errors', '--max-errors', [CompletionResultType]::ParameterName, 'Stop after more errors than this (exit 3)')
            [CompletionResult]::new('--results', '--results', [CompletionResultType]::ParameterName, 'File for the server''s result of each record')
            [CompletionResult]::new('--rejects', '--rejects', [CompletionResultType]::ParameterName, 'File for the records that are not stored; it is valid input again')
            [CompletionResult]::new('--summary', '--summary', [CompletionResultType]::ParameterName, 'Format of the summary on stdout: text or json')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Show progress: auto, bar, plain (a line every 10 s) or none')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours: auto, always or never')
            [CompletionResult]::new('--completions', '--completions', [CompletionResultType]::ParameterName, 'Print completions for bash, zsh, fish, powershell or elvish')
            [CompletionResult]::new('--netrc', '--netrc', [CompletionResultType]::ParameterName, 'Take a missing login from ~/.netrc')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Do not verify the server''s certificate')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Do not verify the server''s certificate')
            [CompletionResult]::new('--require-alias', '--require-alias', [CompletionResultType]::ParameterName, 'The collection must be an alias')
            [CompletionResult]::new('--bulk-mode', '--bulk-mode', [CompletionResultType]::ParameterName, 'No refresh and no replicas during the load')
            [CompletionResult]::new('--backslash-escape', '--backslash-escape', [CompletionResultType]::ParameterName, 'Take \" and \\ in a quoted cell for a quote and a backslash')
            [CompletionResult]::new('--trim', '--trim', [CompletionResultType]::ParameterName, 'Drop blanks around cells, outside quotes')
            [CompletionResult]::new('--ignore-missing', '--ignore-missing', [CompletionResultType]::ParameterName, 'Let rows have fewer or more cells than the header')
            [CompletionResult]::new('--nested', '--nested', [CompletionResultType]::ParameterName, 'Headers a.b and tags.0 make objects and arrays')
            [CompletionResult]::new('--server-keys', '--server-keys', [CompletionResultType]::ParameterName, 'Let the server generate missing keys')
            [CompletionResult]::new('--edge', '--edge', [CompletionResultType]::ParameterName, 'The collection holds edges, with _from and _to')
            [CompletionResult]::new('--overwrite-collection-prefix', '--overwrite-collection-prefix', [CompletionResultType]::ParameterName, 'The prefixes replace the collections in _from and _to')
            [CompletionResult]::new('--delete-keys', '--delete-keys', [CompletionResultType]::ParameterName, 'Each record names a key to delete')
            [CompletionResult]::new('--complete', '--complete', [CompletionResultType]::ParameterName, 'All or nothing: an error rolls back all (exit 6)')
            [CompletionResult]::new('--overwrite', '--overwrite', [CompletionResultType]::ParameterName, 'Empty the collection first')
            [CompletionResult]::new('--wait-for-sync', '--wait-for-sync', [CompletionResultType]::ParameterName, 'What was stored survives a power cut, not only a kill')
            [CompletionResult]::new('--create-collection', '--create-collection', [CompletionResultType]::ParameterName, 'Create the collection if it is missing')
            [CompletionResult]::new('--retarget', '--retarget', [CompletionResultType]::ParameterName, 'Bulk lines go to --collection, whatever index they name')
            [CompletionResult]::new('--lossy', '--lossy', [CompletionResultType]::ParameterName, 'Allow the server to change values that it cannot store')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Check each record by itself, store nothing')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Check each record by itself, store nothing')
            [CompletionResult]::new('--details', '--details', [CompletionResultType]::ParameterName, 'Print every error, not only the first ten')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only the summary; with --details also every error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only the summary; with --details also every error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print how each input is read, and when each step is done')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print how each input is read, and when each step is done')
            [CompletionResult]::new('--man', '--man', [CompletionResultType]::ParameterName, 'Print the man page, as roff')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print the common flags (-h) or all flags (--help)')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print the common flags (-h) or all flags (--help)')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print the version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print the version')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}

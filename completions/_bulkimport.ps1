
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
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'Store to import into')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Collection that the records go to (required)')
            [CompletionResult]::new('--collection', '--collection', [CompletionResultType]::ParameterName, 'Collection that the records go to (required)')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'auto, jsonl, json, csv, tsv, arrays or bulk')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'auto, jsonl, json, csv, tsv, arrays or bulk')
            [CompletionResult]::new('--compression', '--compression', [CompletionResultType]::ParameterName, 'auto, none, gzip, zstd, bzip2 or xz')
            [CompletionResult]::new('--skip-lines', '--skip-lines', [CompletionResultType]::ParameterName, 'Pass over the first N text lines of each file')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Stop after N records of the whole run')
            [CompletionResult]::new('--max-record-bytes', '--max-record-bytes', [CompletionResultType]::ParameterName, 'Longest record; a longer one is an error')
            [CompletionResult]::new('--separator', '--separator', [CompletionResultType]::ParameterName, 'Byte between cells: , for csv, \t for tsv')
            [CompletionResult]::new('--quote', '--quote', [CompletionResultType]::ParameterName, 'Byte around cells: " for csv, none for tsv')
            [CompletionResult]::new('--headers-file', '--headers-file', [CompletionResultType]::ParameterName, 'File with the header row; the data then has none')
            [CompletionResult]::new('--convert', '--convert', [CompletionResultType]::ParameterName, 'auto, or none: every cell is a string')
            [CompletionResult]::new('--datatype', '--datatype', [CompletionResultType]::ParameterName, 'Column type: string, number, boolean, null or json')
            [CompletionResult]::new('--empty', '--empty', [CompletionResultType]::ParameterName, 'What an empty cell becomes: omit, null or string')
            [CompletionResult]::new('--translate', '--translate', [CompletionResultType]::ParameterName, 'Rename a member; repeat for more')
            [CompletionResult]::new('--remove-attribute', '--remove-attribute', [CompletionResultType]::ParameterName, 'Drop a member; repeat for more')
            [CompletionResult]::new('--merge-attributes', '--merge-attributes', [CompletionResultType]::ParameterName, 'Join members into a new one: "full=[first] [last]"')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'Member that is the key (otherwise _key, or _id)')
            [CompletionResult]::new('--from-prefix', '--from-prefix', [CompletionResultType]::ParameterName, 'Collection put before _from: cities makes cities/1 of 1')
            [CompletionResult]::new('--to-prefix', '--to-prefix', [CompletionResultType]::ParameterName, 'Collection put before _to')
            [CompletionResult]::new('--on-duplicate', '--on-duplicate', [CompletionResultType]::ParameterName, 'If the key exists: error, update, replace or ignore')
            [CompletionResult]::new('--unique', '--unique', [CompletionResultType]::ParameterName, 'No two documents may have the same value here')
            [CompletionResult]::new('--batch-size', '--batch-size', [CompletionResultType]::ParameterName, 'Most records in a batch')
            [CompletionResult]::new('--batch-bytes', '--batch-bytes', [CompletionResultType]::ParameterName, 'Most bytes in a batch; a longer record travels alone')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Most batches under way at once (a store takes one)')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Most batches under way at once (a store takes one)')
            [CompletionResult]::new('--flush-interval', '--flush-interval', [CompletionResultType]::ParameterName, 'Longest time a record of a slow pipe waits for others')
            [CompletionResult]::new('--max-errors', '--max-errors', [CompletionResultType]::ParameterName, 'Stop after more errors than this (exit 3)')
            [CompletionResult]::new('--summary', '--summary', [CompletionResultType]::ParameterName, 'Form of the summary on stdout: text or json')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'auto, bar, plain (a line every 10 s) or none')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'auto, always or never')
            [CompletionResult]::new('--completions', '--completions', [CompletionResultType]::ParameterName, 'Print completions for bash, zsh, fish, powershell or elvish')
            [CompletionResult]::new('--backslash-escape', '--backslash-escape', [CompletionResultType]::ParameterName, 'Take \" and \\ in a quoted cell for a quote and a backslash')
            [CompletionResult]::new('--ignore-missing', '--ignore-missing', [CompletionResultType]::ParameterName, 'Let rows have fewer or more cells than the header')
            [CompletionResult]::new('--nested', '--nested', [CompletionResultType]::ParameterName, 'Headers a.b and tags.0 make objects and arrays')
            [CompletionResult]::new('--edge', '--edge', [CompletionResultType]::ParameterName, 'The collection holds edges, with _from and _to')
            [CompletionResult]::new('--overwrite-collection-prefix', '--overwrite-collection-prefix', [CompletionResultType]::ParameterName, 'The prefixes replace a collection that _from and _to name')
            [CompletionResult]::new('--delete-keys', '--delete-keys', [CompletionResultType]::ParameterName, 'Each record names a key to delete')
            [CompletionResult]::new('--complete', '--complete', [CompletionResultType]::ParameterName, 'All or nothing: an error rolls all back (exit 6)')
            [CompletionResult]::new('--overwrite', '--overwrite', [CompletionResultType]::ParameterName, 'Empty the collection first')
            [CompletionResult]::new('--wait-for-sync', '--wait-for-sync', [CompletionResultType]::ParameterName, 'What was stored survives a power cut, not only a kill')
            [CompletionResult]::new('--create-collection', '--create-collection', [CompletionResultType]::ParameterName, 'Make the collection if it is missing (a store does)')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Check each record by itself, store nothing')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Check each record by itself, store nothing')
            [CompletionResult]::new('--details', '--details', [CompletionResultType]::ParameterName, 'Say every error, not only the first ten')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only the summary; with --details also every error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only the summary; with --details also every error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how each input is read, and when each step is done')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how each input is read, and when each step is done')
            [CompletionResult]::new('--man', '--man', [CompletionResultType]::ParameterName, 'Print the man page, as roff')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print the daily flags (-h) or all of them (--help)')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print the daily flags (-h) or all of them (--help)')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print the version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print the version')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}

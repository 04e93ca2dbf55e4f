# Completions of bulkimport for bash. Where a file fits, bash itself completes it.
_bulkimport() {
    local IFS=$' \t\n' word=${COMP_WORDS[COMP_CWORD]} at=$((COMP_CWORD - 1)) flag scheme= words= file
    COMPREPLY=()
    # bash splits words at = and :, as in --flag=VALUE and SCHEME:REST.
    if [[ $word == [=:]* ]]; then
        word=
        at=$COMP_CWORD
    fi
    if [[ ${COMP_WORDS[at]} == :* && $at -gt 1 ]]; then
        scheme=${COMP_WORDS[at - 1]}
        at=$((at - 2))
    fi
    flag=${COMP_WORDS[at]}
    if [[ $flag == = ]]; then
        flag=${COMP_WORDS[at - 1]}
        # A switch has a value only after =.
        case $flag= in
            --netrc=|--insecure=|--require-alias=|--bulk-mode=|--backslash-escape=|--trim=|--ignore-missing=|--nested=|--server-keys=|--edge=|--overwrite-collection-prefix=|--delete-keys=|--complete=|--overwrite=|--wait-for-sync=|--create-collection=|--retarget=|--lossy=|--dry-run=|--details=|--quiet=|--verbose=|--man=) words='true false' ;;
        esac
    fi
    case $flag in
        --to)
            case $scheme in
                jsonl|bulk|sqlite) return ;;
                ?*) ;;
                *)
                    COMPREPLY=($(compgen -W 'sqlite: es+http:// es+https:// opensearch+http:// opensearch+https:// cloud: arangodb+http:// arangodb+https:// kuzzle+http:// kuzzle+https:// jsonl: bulk:' -- "$word"))
                    [[ ${#COMPREPLY[@]} -gt 0 ]] || return 0
                    compopt -o nospace 2>/dev/null
                    # Stores that are here, beside the schemes.
                    while IFS= read -r file; do
                        case $file in
                            *.db|*.sqlite|*.sqlite3) COMPREPLY+=("$(printf %q "$file")") ;;
                        esac
                    done < <(compgen -f -- "$word")
                    return ;;
            esac ;;
        --file|--password-file|--api-key-file|--bearer-file|--cacert|--cert|--client-key|--headers-file|--mapping|--journal|--results|--rejects) return ;;
        -c|--collection|-u|--user|--aws-sigv4|--cert-fingerprint|-H|--header|--timeout|--connect-timeout|--wait|--retries|--retry-max-time|--routing-field|--pipeline|--wait-for-active-shards|--retry-on-conflict|--records|--doc|--encoding|--skip-lines|--limit|--min-records|--max-record-bytes|--separator|--quote|--headers|--comment|--null|--decimal|--thousands|--datatype|--translate|--remove-attribute|--merge-attributes|--key|--from-prefix|--to-prefix|--unique|--batch-size|--batch-bytes|-j|--jobs|--max-rate|--flush-interval|--max-errors) words='' ;;
        --color) words='auto always never' ;;
        --progress) words='auto bar plain none' ;;
        --compress-transfer) words='auto gzip none' ;;
        -t|--type) words='auto jsonl json csv tsv arrays bulk' ;;
        --convert) words='auto none' ;;
        --compression) words='auto none gzip zstd bzip2 xz' ;;
        --completions) words='bash elvish fish powershell zsh' ;;
        --on-duplicate) words='error update replace ignore' ;;
        --empty) words='omit null string' ;;
        --summary) words='text json' ;;
        --refresh) words='true false wait_for' ;;
        *)
            if [[ -z $words ]]; then
                [[ $word == -* ]] || return 0
                words='--file --to -c --collection -u --user --password-file --api-key-file --bearer-file --aws-sigv4 --netrc --cacert --cert-fingerprint --cert --client-key -k --insecure -H --header --timeout --connect-timeout --wait --retries --retry-max-time --compress-transfer --refresh --routing-field --pipeline --wait-for-active-shards --require-alias --retry-on-conflict --bulk-mode -t --type --records --doc --compression --encoding --skip-lines --limit --min-records --max-record-bytes --separator --quote --backslash-escape --headers --headers-file --comment --trim --null --decimal --thousands --convert --datatype --empty --ignore-missing --nested --translate --remove-attribute --merge-attributes --key --server-keys --edge --from-prefix --to-prefix --overwrite-collection-prefix --on-duplicate --delete-keys --complete --overwrite --wait-for-sync --create-collection --mapping --retarget --lossy --unique --journal -n --dry-run --batch-size --batch-bytes -j --jobs --max-rate --flush-interval --details --max-errors --results --rejects --summary -q --quiet -v --verbose --progress --color --completions --man -h --help -V --version'
            fi ;;
    esac
    compopt +o default +o bashdefault 2>/dev/null
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}

complete -F _bulkimport -o bashdefault -o default bulkimport

//! Cases of the import API in which we differ on purpose: name, what we do, why. A longer list is a decision, not an accident.

/// On the model of the server.
pub const ON_THE_MODEL: &[(&str, &str, &str)] = &[
    (
        "superfluous_suffix_json",
        "is not sent",
        "a wrong path or method, which is no request of ours; its answer is read as any other",
    ),
    (
        "superfluous_suffix_header",
        "is not sent",
        "a wrong path or method, which is no request of ours; its answer is read as any other",
    ),
    (
        "suffix_checked_before_collection",
        "is not sent",
        "a wrong path or method, which is no request of ours; its answer is read as any other",
    ),
    (
        "method_put_not_implemented",
        "is not sent",
        "a wrong path or method, which is no request of ours; its answer is read as any other",
    ),
    (
        "method_get_not_implemented",
        "is not sent",
        "a wrong path or method, which is no request of ours; its answer is read as any other",
    ),
    (
        "method_delete_not_implemented",
        "is not sent",
        "a wrong path or method, which is no request of ours; its answer is read as any other",
    ),
    (
        "method_patch_not_implemented",
        "is not sent",
        "a wrong path or method, which is no request of ours; its answer is read as any other",
    ),
    ("array_empty_body", "exit 0 with 0 created", "an empty input is an input without records, whatever its format"),
    (
        "array_corrupt_json",
        "1 documents, not 0",
        "an array is read piece by piece: what comes before the fault is stored, and the exit code is 5",
    ),
    (
        "array_trailing_garbage",
        "1 documents, not 0",
        "an array is read piece by piece: what comes before the fault is stored, and the exit code is 5",
    ),
    (
        "array_duplicate_attribute_rejected",
        "1 documents, not 0",
        "one bad record costs one record: the other one of the array is stored",
    ),
    (
        "auto_scalar_body_is_lines",
        "exit 2: stdin: unknown format",
        "a first line that is neither an object nor an array is no format that can be guessed",
    ),
    (
        "lines_trailing_blank_without_newline_not_counted",
        "empty 1",
        "a last line of blanks is a blank line, with a line break or without",
    ),
    (
        "lines_pretty_printed_object_fails_per_line",
        "errors 1",
        "a pretty-printed object is one error, whose hint says how to read it",
    ),
    (
        "lines_nul_byte_stops",
        "created 2; errors 1; 2 documents, not 1",
        "the server drops what follows a NUL byte in silence; here it makes an error of its line alone",
    ),
    (
        "header_missing",
        "exit 0 with 1 created; 1 documents, not 0",
        "an array of names alone on the first line is a header, also where it was meant to be a row",
    ),
    ("header_only_without_newline", "exit 0 with 0 created", "a header without rows is an input without records"),
    ("header_empty_body", "exit 0 with 0 created", "an empty input is an input without records, whatever its format"),
    (
        "complete_lines_parse_error_quirk",
        "created 0; 0 documents, not 1",
        "the server keeps what came before a line that it cannot read; --complete is all or nothing here (exit code 6)",
    ),
    (
        "overwrite_with_empty_input_empties_collection",
        "2 documents, not 0",
        "--overwrite empties a collection when the first good record is there, so that an empty input destroys nothing",
    ),
    (
        "overwrite_truncates_even_if_all_rows_fail",
        "2 documents, not 0",
        "--overwrite empties a collection when the first good record is there, so that a wrong input destroys nothing",
    ),
];
pub const ON_THE_MODEL_LENGTH: usize = 21;

/// On a store.
pub const ON_THE_STORE: &[(&str, &str, &str)] = &[
    (
        "superfluous_suffix_json",
        "is not sent",
        "a wrong path or method, which is no request of ours; its answer is read as any other",
    ),
    (
        "superfluous_suffix_header",
        "is not sent",
        "a wrong path or method, which is no request of ours; its answer is read as any other",
    ),
    (
        "suffix_checked_before_collection",
        "is not sent",
        "a wrong path or method, which is no request of ours; its answer is read as any other",
    ),
    (
        "method_put_not_implemented",
        "is not sent",
        "a wrong path or method, which is no request of ours; its answer is read as any other",
    ),
    (
        "method_get_not_implemented",
        "is not sent",
        "a wrong path or method, which is no request of ours; its answer is read as any other",
    ),
    (
        "method_delete_not_implemented",
        "is not sent",
        "a wrong path or method, which is no request of ours; its answer is read as any other",
    ),
    (
        "method_patch_not_implemented",
        "is not sent",
        "a wrong path or method, which is no request of ours; its answer is read as any other",
    ),
    ("array_empty_body", "exit 0 with 0 created", "an empty input is an input without records, whatever its format"),
    (
        "array_corrupt_json",
        "1 documents, not 0",
        "an array is read piece by piece: what comes before the fault is stored, and the exit code is 5",
    ),
    (
        "array_trailing_garbage",
        "1 documents, not 0",
        "an array is read piece by piece: what comes before the fault is stored, and the exit code is 5",
    ),
    (
        "array_duplicate_attribute_rejected",
        "exit 0 with 2 created; 2 documents, not 0",
        "a record is bytes there: duplicate fields are stored as they are",
    ),
    (
        "auto_scalar_body_is_lines",
        "exit 2: stdin: unknown format",
        "a first line that is neither an object nor an array is no format that can be guessed",
    ),
    (
        "lines_trailing_blank_without_newline_not_counted",
        "empty 1",
        "a last line of blanks is a blank line, with a line break or without",
    ),
    (
        "lines_pretty_printed_object_fails_per_line",
        "errors 1",
        "a pretty-printed object is one error, whose hint says how to read it",
    ),
    (
        "lines_nul_byte_stops",
        "created 2; errors 1; 2 documents, not 1",
        "the server drops what follows a NUL byte in silence; here it makes an error of its line alone",
    ),
    (
        "header_missing",
        "exit 0 with 1 created; 1 documents, not 0",
        "an array of names alone on the first line is a header, also where it was meant to be a row",
    ),
    ("header_only_without_newline", "exit 0 with 0 created", "a header without rows is an input without records"),
    ("header_empty_body", "exit 0 with 0 created", "an empty input is an input without records, whatever its format"),
    (
        "complete_lines_parse_error_quirk",
        "created 0; 0 documents, not 1",
        "the server keeps what came before a line that it cannot read; --complete is all or nothing here (exit code 6)",
    ),
    (
        "overwrite_with_empty_input_empties_collection",
        "2 documents, not 0",
        "--overwrite empties a collection when the first good record is there, so that an empty input destroys nothing",
    ),
    (
        "overwrite_truncates_even_if_all_rows_fail",
        "2 documents, not 0",
        "--overwrite empties a collection when the first good record is there, so that a wrong input destroys nothing",
    ),
    ("user_keys_disallowed", "created 2; errors 0; 2 documents, not 1", "a store knows no generators of keys"),
    (
        "autoincrement_rejects_non_digits",
        "created 2; errors 0; 2 documents, not 1",
        "a store knows no generators of keys",
    ),
    ("schema_violation_is_document_error", "created 2; errors 0; 2 documents, not 1", "a store knows no JSON schema"),
    ("skip_validation_is_not_a_parameter", "created 1; errors 0; 1 documents, not 0", "a store knows no JSON schema"),
    ("schema_violation_complete", "exit 0 with 2 created; 2 documents, not 0", "a store knows no JSON schema"),
    (
        "complete_bad_key",
        "exit 0 with 2 created; 2 documents, not 0",
        "any text of 1 to 512 bytes without U+0000 is a key of a store; the alphabet is ArangoDB's",
    ),
    (
        "edge_invalid_from_bad_key_char",
        "created 1; errors 0; 1 documents, not 0",
        "an end of an edge may name any key of a store, but for those with a slash",
    ),
    (
        "key_bad_slash",
        "created 2; errors 0; 2 documents, not 1",
        "any text of 1 to 512 bytes without U+0000 is a key of a store; the alphabet is ArangoDB's",
    ),
    (
        "key_bad_space",
        "created 2; errors 0; 2 documents, not 1",
        "any text of 1 to 512 bytes without U+0000 is a key of a store; the alphabet is ArangoDB's",
    ),
    (
        "key_bad_hash",
        "created 2; errors 0; 2 documents, not 1",
        "any text of 1 to 512 bytes without U+0000 is a key of a store; the alphabet is ArangoDB's",
    ),
    (
        "key_bad_quote",
        "created 2; errors 0; 2 documents, not 1",
        "any text of 1 to 512 bytes without U+0000 is a key of a store; the alphabet is ArangoDB's",
    ),
    (
        "key_bad_ampersand",
        "created 2; errors 0; 2 documents, not 1",
        "any text of 1 to 512 bytes without U+0000 is a key of a store; the alphabet is ArangoDB's",
    ),
    (
        "key_bad_question",
        "created 2; errors 0; 2 documents, not 1",
        "any text of 1 to 512 bytes without U+0000 is a key of a store; the alphabet is ArangoDB's",
    ),
    (
        "key_bad_bracket",
        "created 2; errors 0; 2 documents, not 1",
        "any text of 1 to 512 bytes without U+0000 is a key of a store; the alphabet is ArangoDB's",
    ),
    (
        "key_bad_backslash",
        "created 2; errors 0; 2 documents, not 1",
        "any text of 1 to 512 bytes without U+0000 is a key of a store; the alphabet is ArangoDB's",
    ),
    (
        "key_bad_backtick",
        "created 2; errors 0; 2 documents, not 1",
        "any text of 1 to 512 bytes without U+0000 is a key of a store; the alphabet is ArangoDB's",
    ),
    (
        "key_bad_brace",
        "created 2; errors 0; 2 documents, not 1",
        "any text of 1 to 512 bytes without U+0000 is a key of a store; the alphabet is ArangoDB's",
    ),
    (
        "key_bad_pipe",
        "created 2; errors 0; 2 documents, not 1",
        "any text of 1 to 512 bytes without U+0000 is a key of a store; the alphabet is ArangoDB's",
    ),
    (
        "key_bad_tilde",
        "created 2; errors 0; 2 documents, not 1",
        "any text of 1 to 512 bytes without U+0000 is a key of a store; the alphabet is ArangoDB's",
    ),
    (
        "key_bad_umlaut",
        "created 2; errors 0; 2 documents, not 1",
        "any text of 1 to 512 bytes without U+0000 is a key of a store; the alphabet is ArangoDB's",
    ),
];
pub const ON_THE_STORE_LENGTH: usize = 41;

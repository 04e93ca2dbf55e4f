//! Where arangoimport loses data or guesses, we differ, on a store as on a server.

/// Cases in which we differ on purpose: name, what we do, why.
pub const DIFFERENCES: &[(&str, &str, &str)] = &[
    (
        "csv_empty_first_line_fails_all",
        r#"created 0, errors 0, updated 0, ignored 0; 0 documents"#,
        "blank lines before the header are skipped; then the only row is the header, which notes say",
    ),
    (
        "csv_basic_types",
        r#"created 5, errors 2, updated 0, ignored 0; [{"a":"1","b":1,"c":"1.3","e":-5,"id":1},{"a":"10e4","b":20.5,"c":-42,"d":" null ","e":false,"id":6},{"a":"9999999999999999999999999999999999","b":"test","c":-99999999,"d":true,"e":-888.4434,"id":5},{"a":-105,"b":0.0105,"c":true,"d":false,"id":7},{"b":"","c":3.1,"d":-2.5,"e":"ddd \" ' ffd","id":2}]"#,
        "`10e4` is text, as ids like `1234e56` are: hardly a program writes numbers so",
    ),
    (
        "csv_batch_size_10",
        r#"created 5, errors 2, updated 0, ignored 0; [{"a":"1","b":1,"c":"1.3","e":-5,"id":1},{"a":"10e4","b":20.5,"c":-42,"d":" null ","e":false,"id":6},{"a":"9999999999999999999999999999999999","b":"test","c":-99999999,"d":true,"e":-888.4434,"id":5},{"a":-105,"b":0.0105,"c":true,"d":false,"id":7},{"b":"","c":3.1,"d":-2.5,"e":"ddd \" ' ffd","id":2}]"#,
        "`10e4` is text, as ids like `1234e56` are: hardly a program writes numbers so",
    ),
    (
        "csv_batch_size_1000",
        r#"created 5, errors 2, updated 0, ignored 0; [{"a":"1","b":1,"c":"1.3","e":-5,"id":1},{"a":"10e4","b":20.5,"c":-42,"d":" null ","e":false,"id":6},{"a":"9999999999999999999999999999999999","b":"test","c":-99999999,"d":true,"e":-888.4434,"id":5},{"a":-105,"b":0.0105,"c":true,"d":false,"id":7},{"b":"","c":3.1,"d":-2.5,"e":"ddd \" ' ffd","id":2}]"#,
        "`10e4` is text, as ids like `1234e56` are: hardly a program writes numbers so",
    ),
    (
        "csv_convert_true",
        r#"created 34, errors 0, updated 0, ignored 0; [{"value1":10,"value2":"a"},{"value1":11,"value2":"b"},{"value1":12,"value2":"c"},{"value1":13,"value2":" a"},{"value1":14,"value2":" b"},{"value1":15,"value2":-1},{"value1":16,"value2":"-2"},{"value1":17,"value2":"-.5"},{"value1":18,"value2":"-.7"},{"value1":19,"value2":".8"},{"value1":1},{"value1":2,"value2":"null"},{"value1":20,"value2":".9"},{"value1":21,"value2":3.566},{"value1":22,"value2":"7.899"},{"value1":23,"value2":5000000},{"value1":24,"value2":"5e6"},{"value1":25,"value2":0},{"value1":26,"value2":"0"},{"value1":27},{"value1":28,"value2":""},{"value1":29,"value2":"       c"},{"value1":3,"value2":false},{"value1":31,"value2":"       1"},{"value1":32,"value2":"       2"},{"value1":33,"value2":"e       "},{"value1":35,"value2":"       "},{"value1":37,"value2":"\"true\""},{"value1":4,"value2":"false"},{"value1":5,"value2":true},{"value1":6,"value2":"true"},{"value1":7,"value2":1},{"value1":8,"value2":2},{"value1":9,"value2":"3"}]"#,
        "`-.5` and `.8` are no JSON numbers, so they stay strings (as `007` does)",
    ),
    (
        "csv_datatype_boolean",
        r#"created 12, errors 11, updated 0, ignored 0; [{"id":"1"},{"id":"10"},{"id":"12","value":false},{"id":"13","value":true},{"id":"19"},{"id":"2","value":false},{"id":"21"},{"id":"22","value":false},{"id":"23","value":true},{"id":"3","value":true},{"id":"5","value":false},{"id":"6","value":true}]"#,
        "a cell of a boolean column that is no known word is an error, not true; an empty one and a null have no value",
    ),
    (
        "csv_merge_attributes_headers_file_convert",
        r#"created 9, errors 0, updated 0, ignored 0; [{"Id":"1","IdAndValue":"1:null","ValueAndId":"value:null/id:1","_key":"1null","id":1,"newAttr":"1null"},{"Id":"11","IdAndValue":"11:007","ValueAndId":"value:007/id:11","_key":"11007","id":11,"newAttr":"11007","value":"007"},{"Id":"12","IdAndValue":"12:2e307","ValueAndId":"value:2e307/id:12","_key":"122e307","id":12,"newAttr":"122e307","value":2e+307},{"Id":"13","IdAndValue":"13:2e309","ValueAndId":"value:2e309/id:13","_key":"132e309","id":13,"newAttr":"132e309","value":"2e309"},{"Id":"14","IdAndValue":"14:0.123456789","ValueAndId":"value:0.123456789/id:14","_key":"140.123456789","id":14,"newAttr":"140.123456789","value":0.123456789},{"Id":"2","IdAndValue":"2:false","ValueAndId":"value:false/id:2","_key":"2false","id":2,"newAttr":"2false","value":false},{"Id":"3","IdAndValue":"3:true","ValueAndId":"value:true/id:3","_key":"3true","id":3,"newAttr":"3true","value":true},{"Id":"4","IdAndValue":"4:-1","ValueAndId":"value:-1/id:4","_key":"4-1","id":4,"newAttr":"4-1","value":-1},{"Id":"8","IdAndValue":"8:123456.43","ValueAndId":"value:123456.43/id:8","_key":"8123456.43","id":8,"newAttr":"8123456.43","value":123456.43}]"#,
        "digits are copied, not rewritten: `007` and `2e307` stay as they are; and a line that --skip-lines passes over is no error",
    ),
    (
        "csv_single_column_empty_value_is_blank_line",
        r#"created 2, errors 0, updated 0, ignored 0; [{"a":""},{"a":"x"}]"#,
        "`\"\"` alone on a line is an empty string; taken for a blank line, a document is lost",
    ),
    (
        "csv_unterminated_quote_swallows_rest_silently",
        r#"exit 5; created 1, errors 0, updated 0, ignored 0; [{"a":1,"b":"x"}]"#,
        "an unterminated quote swallows the rest of the file there, in silence; here it ends the run with 5 and names the line",
    ),
    (
        "json_array_larger_than_batch_size_fails",
        r#"created 3, errors 0, updated 0, ignored 0; [{"a":1},{"a":2},{"a":3}]"#,
        "an array is read element by element, so it need not fit a batch",
    ),
    (
        "json_remove_attribute_last_line_without_eol_lost",
        r#"created 2, errors 0, updated 0, ignored 0; [{"a":1},{"a":2}]"#,
        "arangoimport loses a last line without a line break; here it is a line",
    ),
    (
        "opt_missing_file",
        r#"created 0, errors 0, updated 0, ignored 0; 0 documents"#,
        "no file is stdin here, which was empty",
    ),
];

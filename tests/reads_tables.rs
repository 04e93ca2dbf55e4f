//! CSV as people have it: without a header or with a bad one, padded, with comments, other signs in numbers, words for null.

use crate::support::{Place, Ran};

/// The documents of a file in which every row is good, and the run.
#[track_caller]
fn good(name: &str, text: impl AsRef<[u8]>, arguments: &[&str], docs: &[&str]) -> Ran {
    let place = Place::new();
    let ran = place.import_text(name, text, arguments);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(place.docs_if_any(), docs, "{}", ran.stderr);
    ran
}

/// A run that does not begin, with this exit code and these words.
#[track_caller]
fn refused(name: &str, text: impl AsRef<[u8]>, arguments: &[&str], code: i32, words: &str) {
    let place = Place::new();
    let ran = place.import_text(name, text, arguments);
    assert_eq!(ran.code, code, "{}", ran.stderr);
    ran.prints(words);
    assert!(place.is_untouched(), "{}", ran.stderr);
}

#[test]
fn columns_without_a_name_are_numbered_with_a_note() {
    good(
        "a.csv",
        ",a,b\n0,x,y\n1,z,w\n",
        &[],
        &[r#"{"column_1":0,"a":"x","b":"y"}"#, r#"{"column_1":1,"a":"z","b":"w"}"#],
    )
    .prints("note: a.csv:1: 1 column without a name: named column_1\n");
    good("a.csv", "a,b,c,,,\n1,2,3,,,\n,,,,,\n", &[], &[r#"{"a":1,"b":2,"c":3}"#, "{}"])
        .prints("note: a.csv:1: 3 columns without a name: named column_4, column_5, column_6\n");
    good("a.csv", "column_2,\n1,2\n", &[], &[r#"{"column_2":1,"column_3":2}"#]);
    refused("a.csv", ",,\n1,2,3\n", &[], 5, "a.csv:1: the header line is empty");
}

#[test]
fn a_name_that_repeats_gets_the_next_number_with_a_note() {
    let text = "Key,Labels,Labels,Labels,Summary\nA-1,x,y,,hello\n";
    good("a.csv", text, &[], &[r#"{"Key":"A-1","Labels":"x","Labels_2":"y","Summary":"hello"}"#])
        .prints("note: a.csv:1: 2 columns with the name of an earlier column: named Labels_2, Labels_3\n");
    good("a.csv", "n,n,n_2,n\n1,2,3,4\n", &[], &[r#"{"n":1,"n_3":2,"n_2":3,"n_4":4}"#]);
    for (header, arguments) in [
        ("id,id,name", &["--key", "id"][..]),
        ("_key,n,_key", &[]),
        ("sku,n,sku", &["--translate", "sku=id", "--key", "id"]),
    ] {
        refused("a.csv", format!("{header}\n1,2,A\n"), arguments, 5, "a.csv:1: duplicate column");
    }
}

#[test]
fn a_note_of_several_headers_is_printed_once() {
    let place = Place::new();
    for name in ["a.csv", "b.csv", "c.csv"] {
        place.file(name, "x,\n1,2\n");
    }
    let ran = place.import(&["a.csv", "b.csv", "c.csv"]);
    ran.expect(0, [3, 0, 0, 0]).prints("note: a.csv:1: 3 columns without a name: named column_2 (and in 2 more)\n");
}

#[test]
fn a_quote_after_a_blank_is_an_error_that_names_trim() {
    let place = Place::new();
    let ran = place.import_text("a.csv", "id,name\n1, \"Ann, B\"\n2, \"C\"\n3,\t\"D\"\n4, E\n", &[]);
    ran.expect(1, [1, 3, 0, 0]);
    for line in 2..5 {
        ran.prints(&format!("a.csv:{line}: unexpected blank before the quote of field 2 (--trim drops it)\n"));
    }
    refused(
        "a.csv",
        "id, \"name\"\n1,2\n",
        &[],
        5,
        "a.csv:1: invalid header: unexpected blank before the quote of field 2",
    );
    good("a.csv", "id,name\n1, \"C\"\n", &["--quote", "none"], &[r#"{"id":1,"name":" \"C\""}"#]);
    good("a.csv", "id,name\n1, \"C\"\n", &["--quote", "'"], &[r#"{"id":1,"name":" \"C\""}"#]);
    good("a.tsv", "id\tname\n1\t \"C\"\n", &[], &[r#"{"id":1,"name":" \"C\""}"#]);
}

#[test]
fn trim_drops_blanks_around_cells_but_not_inside_quotes() {
    let trim = ["--trim"];
    good(
        "a.csv",
        "id, name ,  city\n1, Ann , \"Bern, CH\"\n2,\"  B \" ,\t7 \n",
        &trim,
        &[r#"{"id":1,"name":"Ann","city":"Bern, CH"}"#, r#"{"id":2,"name":"  B ","city":7}"#],
    );
    let ran = good(
        "a.csv",
        "a , b\n   \n 1,  \n , \"\" \n \"x\ny\" , true ",
        &trim,
        &[r#"{"a":1}"#, r#"{"b":""}"#, r#"{"a":"x\ny","b":true}"#],
    );
    assert_eq!(ran.count("empty"), 1);
    good("a.tsv", "a\tb\n 1 \t  x\n\t2\n", &trim, &[r#"{"a":1,"b":"x"}"#, r#"{"b":2}"#]);
    good("a.csv", "a,b\r 1 , x \r\t2,y\r", &trim, &[r#"{"a":1,"b":"x"}"#, r#"{"a":2,"b":"y"}"#]);
}

#[test]
fn digits_with_an_e_between_them_are_ids_and_stay_text() {
    good(
        "a.csv",
        "sha,color,part\n1234e56,314e59,12E3\nabc1234,000000,45E6\n",
        &[],
        &[r#"{"sha":"1234e56","color":"314e59","part":"12E3"}"#, r#"{"sha":"abc1234","color":"000000","part":"45E6"}"#],
    );
    good("a.csv", "a,b,c,d\n1e20,1e-05,1.5E3,12e+3\n", &[], &[r#"{"a":1e20,"b":1e-05,"c":1.5E3,"d":12e+3}"#]);
    good("a.csv", "a\n12e3\n", &["--datatype", "a=number"], &[r#"{"a":12e3}"#]);
}

#[test]
fn words_for_null_are_named_and_follow_empty() {
    let text = "id,v\n1,NA\n2,\\N\n3,null\n4,\"NA\"\n5,\"\"\n6,\n7,NaN\n8, NA\n";
    let na = ["--null", "NA", "--null", "\\N"];
    let docs = |missing: &str| -> Vec<String> {
        let values =
            [missing, missing, missing, ",\"v\":\"NA\"", ",\"v\":\"\"", missing, ",\"v\":\"NaN\"", ",\"v\":\" NA\""];
        values.iter().zip(1..).map(|(value, id)| format!("{{\"id\":{id}{value}}}")).collect()
    };
    for (how, missing) in [("omit", ""), ("null", ",\"v\":null"), ("string", ",\"v\":\"\"")] {
        let expected = docs(missing);
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        good("a.csv", text, &[&na[..], &["--empty", how]].concat(), &expected);
    }
    good("a.csv", "a,b\n\"\",\n", &["--null", "\"\"", "--empty", "null"], &[r#"{"a":null,"b":null}"#]);
    good("a.csv", "a,b\n NA ,1\n", &["--null", "NA", "--trim"], &[r#"{"b":1}"#]);
    good("a.tsv", "tconst\tend\ntt1\t\\N\n", &["--null", "\\N", "--key", "tconst"], &[r#"{"tconst":"tt1"}"#]);
    good("a.tsv", "a\tb\n\"\"\t1\n", &["--null", "\"\""], &[r#"{"b":1}"#]);
    // Before types and conversions.
    for flags in [
        &["--convert", "none"][..],
        &["--datatype", "a=number"],
        &["--datatype", "a=string"],
        &["--datatype", "a=json"],
    ] {
        good("a.csv", "a,b\n-,x\n", &[&["--null", "-"], flags].concat(), &[r#"{"b":"x"}"#]);
    }
}

#[test]
fn a_null_is_no_key() {
    let place = Place::new();
    let ran = place.import_text("a.csv", "id,v\nNA,1\n2,3\n", &["--null", "NA", "--key", "id"]);
    ran.expect(1, [1, 1, 0, 0]).prints("a.csv:2: missing key field \"id\"");
}

#[test]
fn lines_that_begin_with_the_comment_byte_are_skipped() {
    let comment = ["--comment", "#"];
    let text = "# comment, \"open\n# more\na,b\n1,2\n#x,y\n\"#3\",\"4\n#5\"\nbad\n";
    let place = Place::new();
    let ran = place.import_text("a.csv", text, &comment);
    ran.expect(1, [2, 1, 0, 0]).prints("a.csv:8: 1 field");
    assert_eq!(place.docs(), [r#"{"a":1,"b":2}"#, r##"{"a":"#3","b":"4\n#5"}"##]);
    for text in ["#x\r\na,b\r\n#\r\n1,2\r\n#", "#x\ra,b\r#\r1,2\r#", "#\n\n#\na,b\n\n1,2\n#x\n#y"] {
        good("a.csv", text, &comment, &[r#"{"a":1,"b":2}"#]);
    }
    good("a.csv", "#x\na\n1\r2\n", &comment, &[r#"{"a":"1\r2"}"#]);
    good("a.csv", "a,b\n#1,2\n", &[], &[r##"{"a":"#1","b":2}"##]);
    let place = Place::new();
    let ran = place.pipe(&["-c", "c", "-t", "csv", "--comment", "#"], b"# by hand\nid\n1\n# end");
    ran.expect(0, [1, 0, 0, 0]);
}

#[test]
fn a_separator_may_be_a_control_character() {
    good("a.csv", "id\u{1}name\n1\u{1}x,y\n", &["--separator", "\\x01"], &[r#"{"id":1,"name":"x,y"}"#]);
    refused(
        "a.csv",
        "id\u{1}name\n1\u{1}x\n",
        &[],
        5,
        "a.csv:1: the header has the control character U+0001: write --separator '\\x01' if",
    );
    refused(
        "a.csv",
        "id,na\u{0}me\n1,x\n",
        &[],
        5,
        "a.csv:1: the header has the control character U+0000: binary data",
    );
}

#[test]
fn the_sep_line_of_excel_is_obeyed() {
    let docs = [r#"{"a":1,"b":"2,5"}"#];
    for text in
        ["sep=;\na;b\n1;2,5\n", "sep=;\r\na;b\r\n1;2,5\r\n", "\u{feff}SEP=;\r\na;b\r\n1;2,5", "\"sep=;\"\na;b\n1;2,5\n"]
    {
        good("a.csv", text, &[], &docs);
        good("a.csv", text, &["--separator", ";"], &docs);
    }
    good("a.csv", "sep=\t\na\tb\n1\t2\n", &[], &[r#"{"a":1,"b":2}"#]);
    good("a.csv", "sep=;\n1;2\n", &["--headers", "a,b"], &[r#"{"a":1,"b":2}"#]);
    good("a.csv", "sep=,\na,b\n1,\"x\ry\"\n", &[], &[r#"{"a":1,"b":"x\ry"}"#]);
    good("a.csv", "sep=;\na,b\n1,2\n", &["--separator", ","], &[r#"{"a":1,"b":2}"#])
        .prints("note: a.csv:1: the line sep= names another separator than --separator, which wins\n");
    good("a.csv", "sep=;;\na;b;\n1;2,5;\n", &["--datatype", "b=string"], &docs);
    good("a.csv", "\"sep=;\";;\na;b;\n1;2,5;\n", &[], &docs);
    good("a.csv", "sep=;", &[], &[]);
    good("a.csv", "sep\nx\n", &[], &[r#"{"sep":"x"}"#]);
    good("a.csv", "separate=1,b\nx,y\n", &[], &[r#"{"separate=1":"x","b":"y"}"#]);
    let place = Place::new();
    place.import_text("a.csv", "sep=;\na;b\n1\n", &[]).expect(1, [0, 1, 0, 0]).prints("a.csv:3: 1 field");
}

#[test]
fn blank_lines_before_the_header_are_skipped() {
    let ran = good("a.csv", "\n\n\na,b\n1,2\n\n3,4\n\n\n", &[], &[r#"{"a":1,"b":2}"#, r#"{"a":3,"b":4}"#]);
    assert_eq!(ran.count("empty"), 6);
    good("a.csv", "\r\n\r\na,b\r\n1,2\r\n", &[], &[r#"{"a":1,"b":2}"#]);
    let place = Place::new();
    place.import_text("a.csv", "\n\na,b\n1\n", &[]).expect(1, [0, 1, 0, 0]).prints("a.csv:4: 1 field");
}

#[test]
fn headers_may_be_named_on_the_command_line() {
    good(
        "a.csv",
        "1,Ann\n2,Bob\n",
        &["--headers", "id,name"],
        &[r#"{"id":1,"name":"Ann"}"#, r#"{"id":2,"name":"Bob"}"#],
    );
    good("a.csv", "1;2\n", &["--headers", "id,\"a,b\"", "--separator", ";"], &[r#"{"id":1,"a,b":2}"#]);
    good("a.tsv", "1\t2\n", &["--headers", "id,n"], &[r#"{"id":1,"n":2}"#]);
    let place = Place::new();
    place.import_text("a.csv", "1,2,3\n", &["--headers", "a,b"]).expect(1, [0, 1, 0, 0]).prints("a.csv:1: 3 fields");
    for (names, words) in [
        ("a,b,a", "--headers: duplicate name \"a\""),
        ("a,,b", "--headers: a column has no name"),
        ("", "--headers: "),
        ("a\nb", "--headers: the row has more than one line"),
        ("a,\"b", "--headers: "),
    ] {
        refused("a.csv", "1,2\n", &["--headers", names], 2, words);
    }
    refused(
        "a.csv",
        "1\n",
        &["--headers", "a", "--headers-file", "a.csv"],
        2,
        "--headers and --headers-file cannot be used together",
    );
}

#[test]
fn a_lone_backslash_stays_under_backslash_escape() {
    let escape = ["--backslash-escape", "--key", "id"];
    good(
        "a.csv",
        "id,v\n1,\"C:\\temp\"\n2,\"say \\\"hi\\\"\"\n3,\"a\\\\b\\c\"\n4,\"a\\\nb\"\n5,\"\"\"x\\t\"\n6,\\\n7,\"é\\é\",\n",
        &[&escape[..], &["--ignore-missing"]].concat(),
        &[
            r#"{"id":1,"v":"C:\\temp"}"#,
            r#"{"id":2,"v":"say \"hi\""}"#,
            r#"{"id":3,"v":"a\\b\\c"}"#,
            r#"{"id":4,"v":"a\\\nb"}"#,
            r#"{"id":5,"v":"\"x\\t"}"#,
            r#"{"id":6,"v":"\\"}"#,
            r#"{"id":7,"v":"é\\é"}"#,
        ],
    );
    let place = Place::new();
    let ran = place.import_text("a.csv", "id,v\n1,\"C:\\temp\"\n2,\"say \\\"hi\\\"\"\n", &["--key", "id"]);
    ran.expect(1, [1, 1, 0, 0]).prints(
        "a.csv:3: unexpected text after the closing quote of field 2 (--backslash-escape takes \\\" for a quote)\n",
    );
}

#[test]
fn the_key_is_the_text_of_its_cell_and_the_field_keeps_its_type() {
    for (cell, key, doc) in [
        ("7", "7", r#"{"id":7}"#),
        ("007", "007", r#"{"id":"007"}"#),
        ("1.50", "1.50", r#"{"id":1.50}"#),
        ("true", "true", r#"{"id":true}"#),
        ("\"x\"\"y\"", "x\"y", r#"{"id":"x\"y"}"#),
        ("9007199254740993", "9007199254740993", r#"{"id":9007199254740993}"#),
    ] {
        let place = Place::new();
        place.import_text("a.csv", format!("id,n\n{cell},\n"), &["--key", "id"]).expect(0, [1, 0, 0, 0]);
        let row = &place.rows("c")[0];
        assert_eq!((row.key.as_str(), row.doc.as_str()), (key, doc), "{cell}");
    }
    for (arguments, key, doc) in [
        (&["--datatype", "id=boolean"][..], "1", r#"{"id":true}"#),
        (&["--datatype", "id=json"], "1", r#"{"id":1}"#),
        (&["--datatype", "id=string"], "1", r#"{"id":"1"}"#),
        (&["--convert", "none"], "1", r#"{"id":"1"}"#),
        (&["--translate", "id=sku", "--key", "sku"], "1", r#"{"sku":1}"#),
        (&["--merge-attributes", "id=k[id2]", "--translate", "id2=x"], "kz", r#"{"x":"z","id":"kz"}"#),
    ] {
        let place = Place::new();
        let key_flag = if arguments.contains(&"--key") { &[][..] } else { &["--key", "id"] };
        place.import_text("a.csv", "id,id2\n1,z\n", &[arguments, key_flag].concat()).expect(0, [1, 0, 0, 0]);
        let row = &place.rows("c")[0];
        let doc = if doc.contains("\"x\"") { doc.to_owned() } else { doc.replace('}', r#","id2":"z"}"#) };
        assert_eq!((row.key.as_str(), &row.doc), (key, &doc), "{arguments:?}");
    }
    for cell in ["", "null", "\"\""] {
        let place = Place::new();
        place.import_text("a.csv", format!("id,n\n{cell},2\n"), &["--key", "id"]).expect(1, [0, 1, 0, 0]);
    }
}

#[test]
fn a_quote_that_eats_rows_names_the_first_and_the_last_line() {
    let place = Place::new();
    let ran = place.import_text("a.csv", "id,v\n1,a\n2,\"b\n3,c\n4,\"d\"\n5,e\n", &["--key", "id"]);
    ran.expect(1, [2, 1, 0, 0]).prints("a.csv:3: unexpected text after the closing quote of field 2 (lines 3-5)\n");
    let place = Place::new();
    let ran = place.import_text("a.csv", "id,v\n1,\"a\nb\nc\",d\n2,e\n", &[]);
    ran.expect(1, [1, 1, 0, 0]).prints("a.csv:2: 3 fields, but the header has 2 (lines 2-4)\n");
    for (text, said) in [
        (
            "id,v\n1,a\n2,\"b\n3,c\n4,d\n",
            "a.csv:3: unexpected end of input: the quote that opens here is not closed (lines 3-5)\n",
        ),
        ("id,v\n1,\"a\nb", "a.csv:2: unexpected end of input: the quote that opens here is not closed (lines 2-3)\n"),
        (
            "id,v\r1,a\r2,\"b\r3,c\r",
            "a.csv:3: unexpected end of input: the quote that opens here is not closed (lines 3-4)\n",
        ),
        ("id,v\n1,\"a\n", "a.csv:2: unexpected end of input: the quote that opens here is not closed\n"),
    ] {
        let place = Place::new();
        assert_eq!(place.import_text("a.csv", text, &[]).prints(said).code, 5);
    }
}

#[test]
fn cells_that_ignore_missing_drops_are_counted_in_a_note() {
    let ignore = ["--ignore-missing"];
    let ran = good(
        "a.csv",
        "id,name,city\n1,Smith, John,Bern\n2,Al\n3,a,b,c,d\n",
        &ignore,
        &[r#"{"id":1,"name":"Smith","city":" John"}"#, r#"{"id":2,"name":"Al"}"#, r#"{"id":3,"name":"a","city":"b"}"#],
    );
    ran.prints("note: 3 cells dropped from rows that are longer than the header (--ignore-missing)\n");
    let ran =
        good("a.x", "[\"a\"]\n[1,2,3]\n[4]\n", &["-t", "arrays", "--ignore-missing"], &[r#"{"a":1}"#, r#"{"a":4}"#]);
    ran.prints("note: 2 values dropped from rows that are longer than the header (--ignore-missing)\n");
    let ran = good("a.csv", "id,name\n2\n", &ignore, &[r#"{"id":2}"#]);
    assert!(!ran.stderr.contains("dropped"), "{}", ran.stderr);
}

#[test]
fn names_that_clash_when_they_are_nested_are_found_at_the_header() {
    for (header, arguments) in [
        ("a,a.b", &["--nested"][..]),
        ("a.b,a", &["--nested"]),
        ("x,a.b", &["--nested", "--translate", "x=a"]),
        ("x,a.b", &["--nested", "--merge-attributes", "a=[x]"]),
        ("x,a.99999", &["--nested"]),
    ] {
        let text = format!("{header}\n1,\n2,\n");
        refused("a.csv", text, arguments, 2, "a.csv:1: --nested: ");
    }
    good("a.csv", "a,a.b\n1,2\n", &["--nested", "--remove-attribute", "a"], &[r#"{"a":{"b":2}}"#]);
    refused("a.x", "[\"a\",\"a.b\"]\n[1,2]\n", &["-t", "arrays", "--nested"], 2, "a.x:1: --nested: \"a.b\" clashes");
}

#[test]
fn a_column_of_type_null_is_dropped() {
    for how in ["omit", "null", "string"] {
        good("a.csv", "a,b\n1,2\n,3\n", &["--datatype", "a=null", "--empty", how], &[r#"{"b":2}"#, r#"{"b":3}"#]);
    }
}

#[test]
fn numbers_may_have_a_decimal_comma_and_groups_of_three() {
    let german = ["--separator", ";", "--decimal", ",", "--thousands", "."];
    good(
        "a.csv",
        "id;v;w\n1;1,5;1.234,56\n2;12.345;-3,0\n3;1.5;\"1,5\"\n4;0,123e-2;1234.5\n",
        &german,
        &[
            r#"{"id":1,"v":1.5,"w":1234.56}"#,
            r#"{"id":2,"v":12345,"w":-3.0}"#,
            r#"{"id":3,"v":"1.5","w":"1,5"}"#,
            r#"{"id":4,"v":0.123e-2,"w":"1234.5"}"#,
        ],
    );
    good("a.csv", "v;w\n1,50;1.5\n", &["--separator", ";", "--decimal", ","], &[r#"{"v":1.50,"w":"1.5"}"#]);
    let number = ["--datatype", "v=number"];
    good(
        "a.csv",
        "v,w\n\"1,234\",\"1,234\"\n-5,1.5\n,\n",
        &[&number[..], &["--thousands", ","]].concat(),
        &[r#"{"v":1234,"w":"1,234"}"#, r#"{"v":-5,"w":1.5}"#, "{}"],
    );
    good(
        "a.csv",
        "v,w\n\"1,5\",2\n",
        &[&number[..], &["--decimal", ",", "--convert", "none"]].concat(),
        &[r#"{"v":1.5,"w":"2"}"#],
    );
    let place = Place::new();
    let ran = place.import_text(
        "a.csv",
        "v\n$1\n(5)\n5%\n1_000\n\"12,34\"\n7\n",
        &[&number[..], &["--thousands", ","]].concat(),
    );
    ran.expect(1, [1, 5, 0, 0])
        .prints("a.csv:2: column \"v\": \"$1\" is not a number as --decimal and --thousands describe it");
    assert_eq!(place.docs(), [r#"{"v":7}"#]);
}

#[test]
fn a_key_with_a_decimal_comma_is_the_cell_and_its_field_a_number() {
    let place = Place::new();
    let ran = place.import_text("a.csv", "id;_x\n1,5;2\n", &["--separator", ";", "--decimal", ",", "--key", "id"]);
    ran.expect(0, [1, 0, 0, 0]);
    let row = &place.rows("c")[0];
    assert_eq!((row.key.as_str(), row.doc.as_str()), ("1,5", r#"{"id":1.5,"_x":2}"#));
}

#[test]
fn signs_of_numbers_must_have_an_effect_and_differ() {
    for (arguments, words) in [
        (&["--decimal", ",", "--thousands", ","][..], "--decimal and --thousands must differ"),
        (&["--thousands", "."], "--decimal and --thousands must differ\nhint: write `--decimal ,` too"),
        (
            &["--decimal", ",", "--convert", "none"],
            "--decimal has no effect with --convert none\nhint: write `--datatype COL=number`",
        ),
        (&["--decimal", "5"], "invalid value \"5\" for --decimal"),
        (&["--thousands", ""], "invalid value \"\" for --thousands"),
        (&["--comment", ","], "--comment must differ from --separator and --quote"),
        (&["--comment", "//"], "invalid value \"//\" for --comment"),
        (&["--decimal", ",", "-t", "jsonl"], "--decimal requires CSV or TSV input, not jsonl"),
        (&["--headers", "a", "-t", "jsonl"], "--headers requires CSV or TSV input, not jsonl"),
        (&["--null", "a", "-t", "jsonl"], "--null requires CSV or TSV input, not jsonl"),
        (&["--trim", "-t", "bulk"], "--trim requires CSV or TSV input, not bulk"),
    ] {
        refused("a.csv", "a\n1\n", arguments, 2, words);
    }
}

#[test]
fn a_row_that_repeats_the_header_is_an_error() {
    for text in
        ["id,a\n1,x\nid,a\n2,y\n", "\u{feff}id,a\n1,x\n\u{feff}id,a\n2,y\n", "\"id\",a\n1,x\n\u{feff}\"id\",a\n2,y\n"]
    {
        let place = Place::new();
        let ran = place.import_text("a.csv", text, &[]);
        ran.expect(1, [2, 1, 0, 0]).prints("a.csv:3: repeats the header\n");
    }
    good("a.csv", "id\nid\n", &[], &[r#"{"id":"id"}"#]);
    good("a.csv", "ab,c\na,bc\n", &[], &[r#"{"ab":"a","c":"bc"}"#]);
    let place = Place::new();
    place
        .import_text("a.csv", "a,b\n1,2\n", &["--headers", "a,b"])
        .expect(1, [1, 1, 0, 0])
        .prints("a.csv:1: repeats the header");
    let place = Place::new();
    place.import_text("a.csv", "x,\n1,2\nx,\n", &[]).expect(1, [1, 1, 0, 0]).prints("a.csv:3: repeats the header");
}

#[test]
fn pages_and_pointers_saved_as_csv_are_refused() {
    for text in [
        "<!DOCTYPE html>\n<html>\n<head><title>404 Not Found</title></head>\n</html>\n",
        "\n  <HTML><body>no</body></HTML>\n",
        "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>\n",
    ] {
        for name in ["a.csv", "a.jsonl"] {
            refused(name, text, &[], 5, &format!("{name}: HTML and XML are not supported"));
        }
        let place = Place::new();
        place.pipe(&["-c", "c", "-t", "csv"], text.as_bytes()).prints("stdin: HTML and XML are not supported");
    }
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    for name in ["a.csv", "a.jsonl"] {
        refused(
            name,
            pointer,
            &[],
            5,
            &format!("{name}: a Git LFS pointer, not the file itself\nhint: `git lfs pull` fetches the file"),
        );
    }
    good("a.csv", "<id>,n\n1,2\n", &[], &[r#"{"<id>":1,"n":2}"#]);
    good("a.csv", "version\nversion 1\n", &[], &[r#"{"version":"version 1"}"#]);
    good("a.csv", "<", &[], &[]);
}

#[test]
fn a_header_with_another_separator_as_often_as_the_comma_is_refused() {
    let said = "a.csv:1: the header has ';' as often as ',': write --separator ';' or --separator ','";
    refused("a.csv", "Name;Price, EUR;Date\nx;1,50;2024\n", &[], 5, said);
    refused("a.csv", "a;b,c\n1;2,3\n", &[], 5, said);
    refused("a.csv", "a|b,c\n1|2,3\n", &[], 5, "write --separator '|' or --separator ','");
    refused("a.csv", "a\tb,c\n1\t2,3\n", &[], 5, "write --separator '\\t' or --separator ','");
    good("a.csv", "a;b,c\n1,2\n", &["--separator", ","], &[r#"{"a;b":1,"c":2}"#]);
    good(
        "a.csv",
        "Name;Price, EUR;Date\nx;1,50;2024\n",
        &["--separator", ";"],
        &[r#"{"Name":"x","Price, EUR":"1,50","Date":2024}"#],
    );
    good("a.csv", "\"a;b\",c\n1,2\n", &[], &[r#"{"a;b":1,"c":2}"#]);
    good("a.csv", "a;b,c,d\n1,2,3\n", &[], &[r#"{"a;b":1,"c":2,"d":3}"#]);
}

#[test]
fn a_header_of_quoted_names_with_another_separator_names_the_flag() {
    refused("a.csv", "\"a\";\"b\"\n\"1\";\"2\"\n", &[], 5, "hint: write `--separator ';'`");
    refused("a.csv", "\"a\"\t\"b\"\n\"1\"\t\"2\"\n", &[], 5, "hint: write `--separator '\\t'`");
    good("a.csv", "\"a\";\"b\"\n\"1\";\"2\"\n", &["--separator", ";"], &[r#"{"a":"1","b":"2"}"#]);
}

#[test]
fn the_sep_line_of_excel_may_follow_comments() {
    good("a.csv", "# c\nsep=;\n_key;v\n1;x\n", &["--comment", "#"], &[r#"{"_key":"1","v":"x"}"#]);
}

#[test]
fn trim_drops_blanks_around_named_headers_too() {
    good("a.csv", "k , 1\n", &["--trim", "--headers", "_key, a"], &[r#"{"_key":"k","a":1}"#]);
    good("a.csv", "k , 1\n", &["--trim", "--headers", " _key , \"a\""], &[r#"{"_key":"k","a":1}"#]);
}

#[test]
fn rows_that_do_not_fit_a_header_of_one_column_name_skip_lines() {
    let text = "Report 2020\nGenerated by X\n\na,b\n1,2\n";
    let place = Place::new();
    let ran = place.import_text("a.csv", text, &[]);
    ran.expect(1, [1, 2, 0, 0])
        .prints("a.csv:4: 2 fields, but the header has 1 (--skip-lines N passes over lines before the header)\n");
    good("a.csv", text, &["--skip-lines", "2"], &[r#"{"a":1,"b":2}"#]);
}

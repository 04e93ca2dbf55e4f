//! AWS's own test suite (<https://github.com/awslabs/aws-c-auth/tree/main/tests/aws-signing-test-suite/v4>), and what we
//! send.

use super::*;
use reqwest::{Body, Method};

const TIME: &str = "20150830T123600Z";

fn signer(session_token: Option<&str>) -> Signer {
    Signer {
        scope: SigningScope { region: "us-east-1".to_owned(), service: "service".to_owned() },
        key_id: "AKIDEXAMPLE".to_owned(),
        secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        session_token: session_token.map(str::to_owned),
    }
}

/// The signature of a request of the suite, with the headers host and x-amz-date and these.
fn signature(method: &str, target: &str, more: &[(&str, &str)], body: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = [&[("host", "example.amazonaws.com"), ("x-amz-date", TIME)][..], more].concat();
    let mut headers: Vec<(String, String)> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    headers.sort();
    let hash = hex(digest(&SHA256, body.as_bytes()).as_ref());
    let query = canonical_query(query);
    let canonical = Canonical { method, path, query: &query, headers: &headers, hash };
    let authorization = signer(None).authorization(&canonical, TIME);
    let start = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=";
    assert!(authorization.starts_with(start), "{authorization}");
    authorization.rsplit_once("Signature=").expect("a signature").1.to_owned()
}

#[test]
fn the_signatures_are_those_of_the_test_suite() {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let token = [("x-amz-security-token", "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267")];
    for (name, method, target, headers, body, found) in [
        ("get-vanilla", "GET", "/", &[][..], "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("post-vanilla", "POST", "/", &[], "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "get-vanilla-query-order-key-case",
            "GET",
            "/?Param2=value2&Param1=value1",
            &[],
            "",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "get-vanilla-query-order-encoded",
            "GET",
            "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
            &[],
            "",
            "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
        ),
        ("get-utf8", "GET", "/ሴ", &[], "", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        (
            "get-space-normalized",
            "GET",
            "/example space/",
            &[],
            "",
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        ),
        (
            "get-slashes-normalized",
            "GET",
            "//example//",
            &[],
            "",
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        ),
        (
            "get-vanilla-with-session-token",
            "GET",
            "/",
            &token,
            "",
            "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
        ),
        (
            "post-x-www-form-urlencoded",
            "POST",
            "/",
            &form,
            "Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ] {
        assert_eq!(signature(method, target, headers, body), found, "{name}");
    }
}

#[test]
fn paths_and_queries_are_sent_as_they_are_signed() {
    let url = "https://h:9200/a,b/%3Clogs-%7Bnow%2Fd%7D%3E/_bulk?filter_path=took,items.*._id&a=%20b".parse();
    let mut request = Request::new(Method::POST, url.expect("a URL"));
    *request.body_mut() = Some(Body::from("x\n"));
    signer(Some("token-1234")).sign_at(&mut request, TIME).expect("a signature");
    assert_eq!(
        request.url().as_str(),
        "https://h:9200/a%2Cb/%3Clogs-%7Bnow%2Fd%7D%3E/_bulk?a=%20b&filter_path=took%2Citems.%2A._id"
    );
    let header = |name: &str| request.headers()[name].to_str().expect("text");
    assert_eq!(header("x-amz-date"), TIME);
    assert_eq!(header("x-amz-security-token"), "token-1234");
    assert_eq!(header("x-amz-content-sha256"), "73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac");
    let names = "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, ";
    assert!(header("authorization").contains(names));
    let paths = [("/%E1%88%B4", "/%25E1%2588%25B4"), ("/%20/foo", "/%2520/foo"), ("/a/./b/../c", "/a/c"), ("/", "/")];
    for (path, canonical) in paths {
        assert_eq!(canonical_path(path), canonical);
    }
}

#[test]
fn secrets_are_not_shown() {
    let shown = format!("{:?}", signer(Some("token-1234")));
    assert!(!shown.contains("wJalr") && !shown.contains("token") && shown.contains("us-east-1"), "{shown}");
}

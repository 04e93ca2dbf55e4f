//! `--aws-sigv4`: the credentials for signatures, from the variables and the files that AWS's own tools use, in their order
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>). What needs a request or a program is
//! left to those tools.

use crate::cli::env::Variables;
use crate::error::hint;
use crate::mask;
use crate::sink::http::{Signer, SigningScope};
use anyhow::{Error, Result, anyhow, bail};
use std::path::{Path, PathBuf};

/// The names of the three credentials, in files; in variables they are in upper case.
const NAMES: [&str; 3] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];

/// Finds the credentials.
///
/// # Errors
/// When there are none, or only a part of them.
pub(super) fn signer(scope: &SigningScope, env: &Variables) -> Result<Signer> {
    let found = NAMES.map(|name| variable(&name.to_ascii_uppercase(), env));
    match complete(scope, found, None)? {
        Some(signer) => Ok(signer),
        None => of_files(scope, env),
    }
}

fn of_files(scope: &SigningScope, env: &Variables) -> Result<Signer> {
    let given = variable("AWS_PROFILE", env).or_else(|| variable("AWS_DEFAULT_PROFILE", env));
    let profile = given.clone().unwrap_or_else(|| "default".to_owned());
    let credentials = file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", env);
    let config = file("AWS_CONFIG_FILE", ".aws/config", env);
    let in_config = |name: &str| config.as_ref()?.section(name);
    let section = in_config(&format!("profile {profile}"));
    let section = section.or_else(|| in_config("default").filter(|_| profile == "default"));
    // With a role, the keys are those of another user.
    let has_role = section.as_ref().is_some_and(|section| section.contains("role_arn"));
    let sections = [(&credentials, credentials.as_ref().and_then(|file| file.section(&profile))), (&config, section)];
    for (file, section) in sections {
        let (Some(file), Some(section)) = (file, section.filter(|_| !has_role)) else { continue };
        let from = format!("{}, profile {profile}", file.path.display());
        if let Some(signer) = complete(scope, NAMES.map(|name| section.value(name)), Some(&from))? {
            return Ok(signer);
        }
    }
    Err(missing(given.as_deref()))
}

/// A signer with these credentials, from a file or from variables; `None` if there are none.
fn complete(scope: &SigningScope, found: [Option<String>; 3], file: Option<&str>) -> Result<Option<Signer>> {
    match found {
        [Some(key_id), Some(secret), session_token] => {
            mask::remember(&secret);
            session_token.iter().for_each(|token| mask::remember(token));
            Ok(Some(Signer { scope: scope.clone(), key_id, secret, session_token }))
        }
        [None, None, _] => Ok(None),
        [key_id, ..] => {
            let name = if key_id.is_none() { NAMES[0] } else { NAMES[1] };
            match file {
                Some(file) => bail!("--aws-sigv4: {file}: missing {name}"),
                None => bail!("--aws-sigv4: missing {}", name.to_ascii_uppercase()),
            }
        }
    }
}

fn missing(profile: Option<&str>) -> Error {
    let of = profile.map_or(String::new(), |name| format!(" of profile {name}"));
    let flag = profile.map_or(String::new(), |name| format!(" --profile {name}"));
    let advice = format!("`eval \"$(aws configure export-credentials{flag} --format env)\"` sets them for this shell");
    let text = "in AWS_ACCESS_KEY_ID, ~/.aws/credentials and ~/.aws/config";
    anyhow!("--aws-sigv4: no credentials{of} {text}").context(hint(advice))
}

fn variable(name: &str, env: &Variables) -> Option<String> {
    let found = env.iter().find(|(key, value)| *key == *name && !value.is_empty());
    found.and_then(|(_, value)| value.to_str()).map(str::to_owned)
}

/// A file with sections.
struct Sections {
    path: PathBuf,
    text: String,
}

/// The file that a variable names, or that in the home directory. One that cannot be read has no credentials.
fn file(name: &str, usual: &str, env: &Variables) -> Option<Sections> {
    let home = || variable("HOME", env).map(|home| Path::new(&home).join(usual));
    let path = variable(name, env).map(PathBuf::from).or_else(home)?;
    let text = std::fs::read_to_string(&path).ok()?;
    Some(Sections { path, text })
}

/// The lines of a section.
struct Section<'t>(Vec<&'t str>);

impl Sections {
    fn section(&self, name: &str) -> Option<Section<'_>> {
        let title = |line: &str| {
            let title = line.trim().strip_prefix('[')?.split_once(']')?.0;
            Some(title.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        let mut lines = self.text.lines().skip_while(|line| title(line).is_none_or(|title| title != name));
        lines.next()?;
        Some(Section(lines.take_while(|line| title(line).is_none()).collect()))
    }
}

impl Section<'_> {
    /// The value of a setting. Indented lines belong to the setting before them.
    fn value(&self, name: &str) -> Option<String> {
        let settings = self.0.iter().filter(|line| !line.starts_with([' ', '\t', '#', ';']));
        let mut pairs = settings.filter_map(|line| line.split_once('='));
        let (_, value) = pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
        let comment = value.find(" #").or_else(|| value.find(" ;")).unwrap_or(value.len());
        Some(value[..comment].trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn contains(&self, name: &str) -> bool {
        self.value(name).is_some()
    }
}

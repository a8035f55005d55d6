//! The variables that the runtime needs before the first invocation, read in one walk: std compares
//! the name that it is asked for with every variable, each time.

/// Settings of the environment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    /// `AWS_LAMBDA_RUNTIME_API`: the address of the Runtime API.
    pub(crate) runtime_api: Option<String>,
    /// `AWS_LAMBDA_MAX_CONCURRENCY`: the number of invocations that are sent at once.
    pub(crate) max_concurrency: Option<String>,
    /// `AWS_LAMBDA_INITIALIZATION_TYPE`: a snapshot is taken after the init.
    pub(crate) snap_start: bool,
    /// `LAMBDA_PIPELINE`: an answer and the next poll are sent in one write.
    pub(crate) pipelined: bool,
}

impl Environment {
    pub(crate) fn read() -> Self {
        let mut environment = Self::default();
        for_each(|variable| environment.take(variable));
        environment
    }

    /// Takes a variable in, `NAME=value`.
    fn take(&mut self, variable: &[u8]) {
        let text = |value| Some(String::from_utf8_lossy(value).into_owned());
        let Some(of_lambda) = variable.strip_prefix(b"AWS_LAMBDA_") else {
            self.pipelined |= variable == b"LAMBDA_PIPELINE=1";
            return;
        };
        if let Some(value) = of_lambda.strip_prefix(b"RUNTIME_API=") {
            self.runtime_api = text(value);
        } else if let Some(value) = of_lambda.strip_prefix(b"MAX_CONCURRENCY=") {
            self.max_concurrency = text(value);
        } else {
            self.snap_start |= of_lambda == b"INITIALIZATION_TYPE=snap-start";
        }
    }
}

/// Calls `visit` with each variable, `NAME=value`.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "std would copy all variables")]
fn for_each(mut visit: impl FnMut(&[u8])) {
    unsafe extern "C" {
        static mut environ: *const *const std::ffi::c_char;
    }
    // SAFETY: libc keeps `environ` null, or an array of strings that ends with null. Nothing
    // changes it meanwhile: who calls `std::env::set_var` has to make sure that no other thread
    // reads the environment past std, as this does, and as libc itself does.
    unsafe {
        let mut entry = (&raw const environ).read();
        while !entry.is_null() && !(*entry).is_null() {
            visit(std::ffi::CStr::from_ptr(*entry).to_bytes());
            entry = entry.add(1);
        }
    }
}

/// Calls `visit` with each variable, `NAME=value`.
#[cfg(not(target_os = "linux"))]
fn for_each(mut visit: impl FnMut(&[u8])) {
    for (mut name, value) in std::env::vars_os() {
        name.push("=");
        name.push(value);
        visit(name.as_encoded_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_taken_by_their_whole_names() {
        let mut environment = Environment::default();
        for variable in [
            "AWS_LAMBDA_RUNTIME_API_OLD=no",
            "AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001",
            "MY_AWS_LAMBDA_RUNTIME_API=no",
            "AWS_LAMBDA_MAX_CONCURRENCY=",
            "AWS_LAMBDA_INITIALIZATION_TYPE=snap-starts",
            "LAMBDA_PIPELINE=10",
            "LAMBDA_PIPELINE",
            "",
        ] {
            environment.take(variable.as_bytes());
        }
        let expected = Environment {
            runtime_api: Some("127.0.0.1:9001".into()),
            max_concurrency: Some(String::new()),
            ..Environment::default()
        };
        assert_eq!(environment, expected);
        environment.take(b"AWS_LAMBDA_INITIALIZATION_TYPE=snap-start");
        environment.take(b"LAMBDA_PIPELINE=1");
        assert!(environment.snap_start && environment.pipelined);
    }

    #[test]
    fn every_variable_is_seen() {
        let (mut seen, mut expected) = (Vec::new(), Vec::new());
        for_each(|variable| seen.push(variable.to_vec()));
        for (name, value) in std::env::vars_os() {
            expected.push([name.as_encoded_bytes(), b"=", value.as_encoded_bytes()].concat());
        }
        assert_eq!(seen, expected);
    }
}

use super::*;

const ID: &str = "8f5a1d0e-0b5c-4f3c-9d7a-2f6c1f1f4b11";

fn figures(line: &str) -> Report {
    let (id, report) = report(line).expect("a report");
    assert_eq!(id, ID);
    report
}

#[test]
fn a_cold_start_has_its_init_after_the_memory_on_aws() {
    let report = figures(&format!(
        "REPORT RequestId: {ID}\tDuration: 43.46 ms\tBilled Duration: 56 ms\tMemory Size: 128 \
        MB\tMax Memory Used: 3 MB\tInit \
         Duration: 12.3 ms\t\nXRAY TraceId: 1-5e34a614-10bdxmplf1fb44f07bc535a1\tSegmentId: \
         07f5xmpl2d1f6f85\tSampled: true\t\n"
    ));
    assert_eq!(
        report,
        Report {
            cold: true,
            init_ms: Some(12.3),
            duration_ms: 43.46,
            billed_ms: 56,
            memory_mb: 128,
            max_memory_mb: 3,
            ..Report::default()
        }
    );
}

#[test]
fn a_warm_invocation_has_no_init() {
    let report = figures(&format!(
        "REPORT RequestId: {ID}\tDuration: 0.91 ms\tBilled Duration: 1 ms\tMemory Size: 10240 \
        MB\tMax Memory Used: 17 MB\t"
    ));
    assert_eq!(
        (report.cold, report.init_ms, report.duration_ms, report.memory_mb),
        (false, None, 0.91, 10_240)
    );
}

#[test]
fn the_emulator_of_aws_writes_the_init_first() {
    let report = figures(&format!(
        "REPORT RequestId: {ID}\tInit Duration: 0.03 ms\tDuration: 7.75 ms\tBilled Duration: 8 \
        ms\tMemory Size: 256 MB\tMax Memory Used: 256 MB\t"
    ));
    assert_eq!((report.init_ms, report.duration_ms, report.billed_ms), (Some(0.03), 7.75, 8));
}

#[test]
fn a_restore_from_a_snapshot_counts_as_the_cold_start() {
    let report = figures(&format!(
        "REPORT RequestId: {ID}\tDuration: 5.10 ms\tBilled Duration: 188 ms\tMemory Size: 512 \
        MB\tMax Memory Used: 173 MB\tRestore Duration: 398.97 ms\tBilled Restore Duration: 182 \
        ms\t"
    ));
    assert_eq!((report.cold, report.init_ms, report.billed_ms), (true, Some(398.97), 188));
    assert!(
        report.restored
            && !figures(&format!("REPORT RequestId: {ID}\tInit Duration: 9 ms")).restored
    );
}

#[test]
fn a_status_with_an_error_type_does_not_disturb_the_figures() {
    let report = figures(&format!(
        "REPORT RequestId: {ID}\tStatus: error\tError Type: Runtime.ExitError\tDuration: 3000.00 \
        ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory Used: 30 MB\tStatus: timeout"
    ));
    assert_eq!((report.duration_ms, report.billed_ms, report.max_memory_mb), (3000.0, 3000, 30));
    assert_eq!(
        (report.status.as_deref(), report.error_type.as_deref()),
        (Some("timeout"), Some("Runtime.ExitError"))
    );
}

#[test]
fn an_emulated_run_is_marked_at_the_end() {
    let line = format!(
        "REPORT RequestId: {ID}\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 \
        MB\tMax Memory Used: 9 MB\tInit Duration: 20.00 ms\tEmulated: qemu-aarch64"
    );
    assert!(figures(&line).emulated);
    assert_eq!(figures(&line).init_ms, Some(20.0));
}

#[test]
fn spaces_in_the_place_of_tabs_are_read_too() {
    let report = figures(&format!(
        "REPORT RequestId: {ID}  Duration: 2.50 ms  Billed Duration: 3 ms  Memory Size: 128 MB  \
        Max Memory Used: 14 MB"
    ));
    assert_eq!((report.duration_ms, report.max_memory_mb), (2.5, 14));
}

#[test]
fn json_reports_are_read_with_all_or_few_metrics() {
    let full = figures(&format!(
        r#"{{"time":"2026-11-21T04:00:00.000Z","type":"platform.report","record":{{"requestId":"{ID}","metrics":{{"durationMs":1.75,"billedDurationMs":22,"memorySizeMB":128,"maxMemoryUsedMB":16,"initDurationMs":19.4}},"status":"success"}}}}"#
    ));
    assert_eq!(
        (full.cold, full.init_ms, full.duration_ms, full.billed_ms),
        (true, Some(19.4), 1.75, 22)
    );
    let managed = figures(&format!(
        r#"{{"time":"2026-11-21T04:00:00.000Z","type":"platform.report","record":{{"requestId":"{ID}","metrics":{{"durationMs":1.75}},"status":"success"}}}}"#
    ));
    assert_eq!((managed.cold, managed.duration_ms, managed.billed_ms), (false, 1.75, 0));
}

#[test]
fn json_reports_of_failures_and_restores_are_parsed() {
    let failed = figures(&format!(
        r#"{{"time":"t","type":"platform.report","record":{{"requestId":"{ID}","metrics":{{"durationMs":3000.0,"billedDurationMs":3000,"memorySizeMB":128,"maxMemoryUsedMB":30,"restoreDurationMs":391.13,"billedRestoreDurationMs":174}},"status":"timeout","errorType":"Sandbox.Timedout"}}}}"#
    ));
    assert_eq!(
        (failed.status.as_deref(), failed.error_type.as_deref()),
        (Some("timeout"), Some("Sandbox.Timedout"))
    );
    assert_eq!((failed.restored, failed.init_ms), (true, Some(391.13)));
}

#[test]
fn a_managed_instance_is_known_by_its_start_and_by_its_reports() {
    let start = r#"{"time":"t","type":"platform.initStart","record":{"initializationType":"lambda-managed-instances","phase":"init"}}"#;
    let report = |metrics: &str| {
        format!(
            r#"{{"type":"platform.report","record":{{"requestId":"{ID}","metrics":{{{metrics}}},"status":"success"}}}}"#
        )
    };
    assert!(
        is_of_managed_instance(start) && is_of_managed_instance(&report(r#""durationMs":1.75"#))
    );
    assert!(!is_of_managed_instance(&report(r#""durationMs":1.75,"billedDurationMs":2"#)));
    assert!(!is_of_managed_instance(&start.replace("lambda-managed-instances", "snap-start")));
    assert!(!is_of_managed_instance("lambda-managed-instances \"platform.initStart\""));
}

#[test]
fn other_platform_records_and_broken_json_are_no_reports() {
    for line in [
        r#"{"time":"t","type":"platform.initReport","record":{"initializationType":"on-demand","phase":"init","metrics":{"durationMs":9.1}}}"#,
        r#"{"type":"platform.somethingNew","record":{"requestId":"x"}}"#,
        r#"{"type":"platform.report","record":"#,
        "INIT_START Runtime Version: provided:al2023.v1\tRuntime Version ARN: \
        arn:aws:lambda:eu-west-1::runtime:x",
        "INIT_REPORT Init Duration: 9999.79 ms\tPhase: init\tStatus: timeout",
        "the REPORT RequestId: of a person",
        "REPORT RequestId: ",
        "",
    ] {
        assert_eq!(mark(line), None, "{line}");
    }
}

#[test]
fn lines_between_start_and_report_belong_to_the_request_of_their_stream() {
    let mut requests = Requests::default();
    assert_eq!(requests.assign("a", "before"), None);
    assert_eq!(
        requests.assign("a", &format!("START RequestId: {ID} Version: $LATEST")).as_deref(),
        Some(ID)
    );
    assert_eq!(requests.assign("a", "hello").as_deref(), Some(ID));
    assert_eq!(requests.assign("b", "hello"), None);
    assert_eq!(requests.assign("a", &format!("END RequestId: {ID}")).as_deref(), Some(ID));
    assert_eq!(
        requests.assign("a", &format!("REPORT RequestId: {ID}\tDuration: 1 ms")).as_deref(),
        Some(ID)
    );
    assert_eq!(requests.assign("a", "after"), None);
}

#[test]
fn a_line_that_names_its_request_needs_no_bracket() {
    let mut requests = Requests::default();
    for line in [
        format!(r#"{{"level":"INFO","message":"hi","requestId":"{ID}"}}"#),
        format!(r#"{{"level":"INFO","fields":{{"message":"hi","requestId":"{ID}"}}}}"#),
        format!(
            r#"{{"time":"t","type":"function","record":{{"requestId":"{ID}","level":"INFO"}}}}"#
        ),
        format!(
            r#"{{"level":"INFO","fields":{{"message":"hi"}},"span":{{"requestId":"{ID}","name":"invoke"}}}}"#
        ),
        format!(
            r#"{{"level":"INFO","fields":{{"message":"hi"}},"spans":[{{"name":"a"}},{{"requestId":"{ID}"}},{{"name":"b"}}]}}"#
        ),
        format!(r#"{{"level":"INFO","message":"hi","AWSRequestId":"{ID}"}}"#),
        format!(
            r#"{{"message":"hi","function_request_id":"{ID}","xray_trace_id":"1-5e34a614-10bdxmplf1fb44f07bc535a1"}}"#
        ),
        format!(r#"{{"message":"hi","awsRequestId":"{ID}"}}"#),
        format!(r#"{{"body":"hi","attributes":{{"faas.invocation_id":"{ID}"}}}}"#),
        format!(r#"{{"message":"hi","xray":{{"requestId":"{ID}"}}}}"#),
        format!(r#"{{"message":"hi","requestId":7,"context":{{"aws_request_id":"{ID}"}}}}"#),
        format!("2026-11-21T04:00:00.000Z\t{ID}\tINFO\thi"),
        format!("RequestId: {ID} Error: Runtime exited with error: exit status 1"),
        format!("2026-11-21T04:00:00.000Z RequestId: {ID} Task timed out after 3.00 seconds"),
    ] {
        assert_eq!(requests.assign("a", &line).as_deref(), Some(ID), "{line}");
    }
    for line in [
        "RequestId: not-a-uuid",
        "2026-11-21T04:00:00.000Z\tnot-a-uuid\tINFO",
        r#"{"message":"hi","requestId":"of the function's own"}"#,
        r#"{"message":"hi","requestId":null,"spans":"none","fields":[]}"#,
        r#"{"event":{"requestContext":{"requestId":"of a gateway"}}}"#,
    ] {
        assert_eq!(requests.assign("a", line), None, "{line}");
    }
}

#[test]
fn lines_of_a_managed_instance_belong_to_the_request_that_they_name_alone() {
    let mut requests = Requests::default();
    let start = r#"{"type":"platform.initStart","record":{"initializationType":"lambda-managed-instances"}}"#;
    assert_eq!(requests.assign("a", start), None);
    let begins = format!(r#"{{"type":"platform.start","record":{{"requestId":"{ID}"}}}}"#);
    assert_eq!(requests.assign("a", &begins).as_deref(), Some(ID));
    assert_eq!(requests.assign("a", "of whom?"), None);
    let own = format!(r#"{{"fields":{{"message":"hi"}},"span":{{"requestId":"{ID}"}}}}"#);
    assert_eq!(requests.assign("a", &own).as_deref(), Some(ID));
    assert_eq!(requests.assign("b", &begins).as_deref(), Some(ID));
    assert_eq!(requests.assign("b", "of that one").as_deref(), Some(ID));
}

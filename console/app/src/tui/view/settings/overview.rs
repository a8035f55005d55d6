//! The settings of a function on the stage and in the workspace, its build artifacts and deployed
//! version, the stage, and the toolchain.

use lambda_console_model::Part;
use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::tui::{
    state::{Card, Connection, Deployment, Setup, State, WorkspaceState},
    theme::Theme,
    view::{
        areas::Areas,
        frame::pane::scrolled,
        settings,
        stages::expiry,
        text::{age, bytes, pad, window},
    },
};

pub(crate) fn draw(state: &State, theme: &Theme, frame: &mut Frame, area: Rect, areas: &mut Areas) {
    let width = usize::from(area.width);
    let mut rows = Vec::new();
    if let Some(card) = state.functions.current() {
        rows = settings::lines(state, theme, card, width);
        function(state, theme, card, &mut rows);
    }
    stage(state, theme, &mut rows);
    toolchain(state, theme, &mut rows);
    if let WorkspaceState::Read(workspace) = &state.workspace
        && !workspace.warnings.is_empty()
    {
        rows.push(heading(theme, "workspace warnings"));
        for warning in &workspace.warnings {
            rows.push(Line::styled(format!("  {warning}"), theme.warn));
        }
    }
    let fitted: Vec<Line> = rows
        .iter()
        .map(|row| {
            window(
                row.spans.iter().map(|span| (span.content.as_ref(), row.style.patch(span.style))),
                0,
                width,
            )
        })
        .collect();
    scrolled(frame, theme, area, &fitted, state.top, areas);
}

fn heading(theme: &Theme, text: &str) -> Line<'static> {
    Line::styled(format!(" {text}"), theme.title)
}

fn field(theme: &Theme, name: &str, value: impl Into<String>, style: Style) -> Line<'static> {
    Line::from(vec![
        Span::styled(format!("   {} ", pad(name, 14)), theme.dim),
        Span::styled(value.into(), style),
    ])
}

fn function(state: &State, theme: &Theme, card: &Card, rows: &mut Vec<Line<'static>>) {
    let (function, config, text) = (&card.function, &card.function.config, theme.text);
    rows.push(Line::default());
    rows.push(heading(theme, "function"));
    rows.push(field(theme, "package", &function.package, text));
    rows.push(field(theme, "manifest", function.manifest.display().to_string(), text));
    rows.push(field(theme, "architecture", function.architecture.name(), text));
    match &config.role {
        Some(role) => rows.push(field(theme, "role", role, text)),
        None => rows.push(field(theme, "role", "auto (created on first deploy)", theme.dim)),
    }
    for layer in config.layers.iter().flatten() {
        rows.push(field(theme, "layer", layer, text));
    }
    for (name, value) in &config.tags {
        rows.push(field(theme, "tag", format!("{name} = {value}"), text));
    }
    if let Some(bootstrap) = &function.bootstrap {
        let built = format!("{}, {}", bytes(bootstrap.bytes), age(bootstrap.built_at, state.now));
        rows.push(field(theme, "bootstrap", built, text));
    }
    if let Some(zip) = &function.zip {
        let sha = zip.sha256.get(..12).unwrap_or(&zip.sha256);
        rows.push(field(theme, "zip", format!("{}, sha256 {sha}…", bytes(zip.bytes)), text));
    }
    match &state.stage().function(&function.name).deployment {
        Deployment::Unknown => rows.push(field(theme, "deployed", "unknown", theme.dim)),
        Deployment::Absent => rows.push(field(theme, "deployed", "no", theme.dim)),
        Deployment::Refused(failure) => {
            rows.push(field(theme, "deployed", format!("✗ {failure}"), theme.bad));
            rows.push(field(theme, "", &failure.hint, text));
        }
        Deployment::Present(deployed) => {
            let sha = deployed.sha256.get(..12).unwrap_or(&deployed.sha256);
            let sync =
                if deployed.in_sync { "in sync with the build" } else { "differs from the build" };
            let when = age(deployed.modified_at, state.now);
            rows.push(field(
                theme,
                "deployed",
                format!("{}, {when}, {sync}", deployed.version),
                text,
            ));
            rows.push(field(theme, "", format!("sha256 {sha}…"), text));
        }
    }
    if let Some(failure) = &card.build_failure {
        rows.push(field(theme, "last build", format!("✗ {failure}"), theme.bad));
    }
}

fn stage(state: &State, theme: &Theme, rows: &mut Vec<Line<'static>>) {
    rows.push(Line::default());
    rows.push(heading(theme, &format!("stage {}", state.active)));
    match &state.stage().connection {
        Connection::Connecting => rows.push(field(theme, "", "connecting …", theme.dim)),
        Connection::Failed(failure) => {
            rows.push(field(theme, "", format!("✗ {failure}"), theme.bad));
            rows.push(field(theme, "", &failure.hint, theme.text));
        }
        Connection::Connected(info) => {
            rows.push(field(theme, "account", &info.account, theme.text));
            rows.push(field(theme, "region", &info.region, theme.text));
            if !info.identity.is_empty() {
                rows.push(field(theme, "identity", &info.identity, theme.text));
                rows.push(field(theme, "credentials", &info.credentials, theme.text));
            }
            if let Some((text, style)) = expiry(state, theme, info) {
                rows.push(field(theme, "", text, style));
            }
            if info.protected {
                rows.push(field(
                    theme,
                    "protected",
                    "changes require typing the stage name",
                    theme.warn,
                ));
            }
            if let Some(endpoint) = &info.endpoint {
                rows.push(field(theme, "endpoint", endpoint, theme.text));
            }
            if let Some(emulator) = &info.emulator {
                rows.push(field(theme, "emulator", emulator, theme.text));
            }
        }
    }
}

fn toolchain(state: &State, theme: &Theme, rows: &mut Vec<Line<'static>>) {
    rows.push(Line::default());
    rows.push(heading(theme, "toolchain"));
    let part = |part: &Part| match &part.found {
        Some(found) => field(theme, &part.name, format!("✓ {found}"), theme.good),
        None if part.optional => {
            field(theme, &part.name, format!("missing (optional): {}", part.detail), theme.warn)
        }
        None => field(theme, &part.name, format!("✗ missing: {}", part.detail), theme.bad),
    };
    match &state.setup {
        Setup::Unknown => rows.push(field(theme, "", "not checked yet", theme.dim)),
        Setup::Ready(parts) => rows.extend(parts.iter().map(part)),
        Setup::Running(parts) => {
            rows.push(field(theme, "", "setup is running in the background", theme.busy));
            rows.extend(parts.iter().map(part));
        }
        Setup::Failed(failure) => {
            rows.push(field(theme, "", format!("✗ {failure}"), theme.bad));
            rows.push(field(theme, "", &failure.hint, theme.text));
        }
    }
}

//! The verbs. Each has a name for the keymap; keys and descriptions are in `keymap.toml`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Declares the verbs with their names, so that every list of them is complete.
macro_rules! actions {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal,)+) => {
        /// A verb that a user can request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Action {
            $($(#[$doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl Action {
            /// All verbs.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Returns its name in the keymap.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

actions! {
    // The functions.
    /// Build the selected function.
    Build = "build",
    /// Build all functions.
    BuildAll = "build_all",
    /// Deploy the selected function.
    Deploy = "deploy",
    /// Deploy all functions that are built.
    DeployAll = "deploy_all",
    /// Invoke the selected function with its payload.
    Invoke = "invoke",
    /// Invoke it in a new sandbox, so that it is a cold start.
    InvokeCold = "invoke_cold",
    /// Build, deploy, invoke, fetch the logs and the figures of the selected function; stop at the
    /// first failure.
    Run = "run",
    /// Follow the logs of the selected function, or stop following.
    Tail = "tail",
    /// Follow the logs of all functions, or stop following.
    TailAll = "tail_all",
    /// Build and deploy saved changes to the local stage from now on, or stop doing so.
    Watch = "watch",
    /// Delete the selected function from the stage with all its resources, after a typed
    /// confirmation.
    Delete = "delete",
    /// List the execution roles that the console created, to remove one.
    Roles = "roles",
    /// Check the caller's permissions, and show the smallest policy that the selected function
    /// needs.
    Permissions = "permissions",
    /// Show the size of the selected function's bootstrap, by section.
    Size = "size",
    /// Export all functions to the files of another tool.
    Export = "export",
    /// Show the versions of the selected function.
    Versions = "versions",
    /// Promote the selected function from another stage to the shown one.
    Promote = "promote",
    /// End a canary of the selected function, or point its alias to the previous version.
    Rollback = "rollback",
    /// Publish a version of the last deploy of the selected function.
    PublishVersion = "publish_version",
    /// Delete old versions of the selected function, after a typed confirmation.
    PruneVersions = "prune_versions",
    /// Read the workspace and the stage again.
    Refresh = "refresh",
    /// Choose the stage that is shown.
    Stages = "stages",
    /// Try the new credentials, and continue the work that stopped for lack of them.
    Resume = "resume",
    /// Copy the command that logs in.
    CopyLogin = "copy_login",
    /// Provide the toolchain.
    Setup = "setup",
    /// Cancel the running job.
    Cancel = "cancel",
    /// Build for the next architecture: `x86_64`, `native`, `arm64`, each function's own.
    NextArchitecture = "next_architecture",
    /// Build without optimisation, or with it.
    ToggleDebug = "toggle_debug",
    /// Invoke in the next mode: wait, stream, queue, only check.
    NextMode = "next_mode",
    /// Choose the version or alias that is invoked.
    SetQualifier = "set_qualifier",
    /// Type the client context that functions are invoked with.
    SetClientContext = "set_client_context",
    /// Type the tenant that functions are invoked for.
    SetTenant = "set_tenant",

    // The screen.
    /// Leave the console.
    Quit = "quit",
    /// Stop as Ctrl-Z does, until `fg`.
    Suspend = "suspend",
    /// Redraw the screen.
    Redraw = "redraw",
    /// Show the keys.
    Help = "help",
    /// Choose from all verbs by typing.
    Palette = "palette",
    /// Filter the functions or the logs.
    Filter = "filter",
    /// Leave what is open: an overlay, the editor, a filter; then the pane.
    Back = "back",
    /// Ctrl-C: copy a selection, else leave what is open, else cancel the running job.
    Interrupt = "interrupt",
    /// Accept the selected entry or the typed line.
    Accept = "accept",
    /// Focus the next pane.
    NextPane = "next_pane",
    /// Focus the previous pane.
    PreviousPane = "previous_pane",
    /// Show the payload.
    ShowPayload = "show_payload",
    /// Show the response.
    ShowResponse = "show_response",
    /// Show the logs.
    ShowLogs = "show_logs",
    /// Show cold starts and durations.
    ShowMetrics = "show_metrics",
    /// Show the build's output.
    ShowBuild = "show_build",
    /// Show the settings.
    ShowSettings = "show_settings",
    /// One up.
    Up = "up",
    /// One down.
    Down = "down",
    /// To the left.
    Left = "left",
    /// To the right.
    Right = "right",
    /// A page up.
    PageUp = "page_up",
    /// A page down.
    PageDown = "page_down",
    /// To the first.
    Top = "top",
    /// To the last.
    Bottom = "bottom",
    /// Copy the command line of the last action.
    CopyCommand = "copy_command",

    // The payload.
    /// Type in the payload editor.
    Edit = "edit",
    /// Open the payload in `$EDITOR`.
    OpenEditor = "open_editor",
    /// Format the payload's JSON.
    Format = "format",
    /// Load a payload from the function's event files.
    ChooseEvent = "choose_event",
    /// Undo the last change of the payload.
    Undo = "undo",
    /// Redo the change that was undone last.
    Redo = "redo",
    /// Select the whole payload.
    SelectAll = "select_all",
    /// Copy the payload, or its selection, to the clipboard.
    CopyPayload = "copy_payload",

    // The confirmation of a deletion.
    /// Keep the log group of the function that is to be deleted, or delete it too.
    KeepLogs = "keep_logs",
    /// Keep the execution role of the function that is to be deleted, or delete it too.
    KeepRole = "keep_role",

    // The response.
    /// Copy the response to the clipboard.
    CopyResponse = "copy_response",
    /// Copy the request id to the clipboard.
    CopyRequest = "copy_request",
    /// Show only the log lines of this request.
    RequestLogs = "request_logs",

    // The settings.
    /// Edit the selected setting: choose the next of its values, or type one.
    EditSetting = "edit_setting",
    /// Add an environment variable.
    AddVariable = "add_variable",
    /// Remove the selected variable, or reset the setting to Lambda's default.
    RemoveSetting = "remove_setting",
    /// Undo the edit of the selected setting.
    UndoSetting = "undo_setting",
    /// Show the value of the selected variable, or mask it.
    Reveal = "reveal",
    /// Send the edited settings to the stage.
    ApplySettings = "apply_settings",

    // The logs.
    /// Pause at these lines, or follow the newest.
    Follow = "follow",
    /// Break long lines, or cut them.
    Wrap = "wrap",
    /// Show the lines of all functions, or of the selected one.
    AllLogs = "all_logs",
    /// Clear the lines that are shown.
    ClearLogs = "clear_logs",
    /// Copy the shown lines to the clipboard.
    CopyLogs = "copy_logs",
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Action {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        // Names of version 0.1.0, for one more release.
        let name = match name {
            "loop" => "run",
            "show_cold_starts" => "show_metrics",
            "show_config" => "show_settings",
            "apply_config" => "apply_settings",
            name => name,
        };
        let known = Self::ALL.iter().copied().find(|action| action.name() == name);
        known.ok_or_else(|| format!("`{name}` is not an action"))
    }
}

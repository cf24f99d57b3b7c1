//! What can be made of the grammar: a manual page per command, completions per shell.

use std::io::Result;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;

/// Writes `man1/*.1`, and `completions/` for Bash, Zsh and Fish, into `folder`.
///
/// # Errors
/// The system's.
pub(crate) fn write_pages(folder: &Path) -> Result<()> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let (manual, completions) = (folder.join("man1"), folder.join("completions"));
    std::fs::create_dir_all(&manual)?;
    std::fs::create_dir_all(&completions)?;
    clap_mangen::generate_to(command.clone(), &manual)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut command, "ocelli", &completions)?;
    }
    Ok(())
}

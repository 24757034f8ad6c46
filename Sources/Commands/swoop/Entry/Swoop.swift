import ArgumentParser
import Text

/// The root of the command tree.
struct Swoop: ParsableCommand {

    static let configuration = CommandConfiguration(
        commandName: "swoop",
        abstract: "Moves big files to many machines: every receiver becomes a sender, every byte is verified.",
        discussion: """
            A first transfer, on three machines:

              swoop tracker                           # on host T; where the content is:
              swoop create film/ -o film.torrent --tracker http://T:6969/announce
              swoop seed film.torrent film/
              swoop get film.torrent -o /srv/films    # on every receiver

            Or watch a whole network on this machine: swoop demo

            Exit codes: 0 done; 1 failed, nothing lost; 2 usage or configuration; 3 content does not verify; 4 not \
            found; 5 refused; 6 no space left or a disk error; 130 interrupted.
            """,
        version: "swoop \(Product.version)",
        subcommands: [
            CreateCommand.self, ShowCommand.self, VerifyCommand.self, EditCommand.self, SeedCommand.self,
            GetCommand.self, TrackerCommand.self, NodeCommand.self, LibraryCommand.self, TaskCommand.self,
            UpCommand.self, AgentCommand.self, PushCommand.self, PullCommand.self, TagsCommand.self, WarmCommand.self,
            TestFSCommand.self, IndexCommand.self, OriginTools.self, ControlCommand.self, SendCommand.self,
            StatusCommand.self, FleetTools.self, DemoCommand.self, SimulateCommand.self,
        ])
}

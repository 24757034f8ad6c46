import ArgumentParser
import JSON
import Registry
import RegistryClient

/// `swoop index gc`: removes manifests and blobs that no tag reaches.
struct IndexCollectCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "Remove content that no tag reaches and that was not used for a day.",
        discussion: """
            The registry does this once a day by itself. Pushes and pulls go on beside it.

            Examples:
              swoop index gc --dry-run
              swoop index gc
            """)

    @Flag(help: "Only say what would be removed.")
    var dryRun = false

    @OptionGroup var access: RegistryArguments

    @OptionGroup var global: GlobalOptions

    /// Seconds: the index reads all of its manifests, which may be a million.
    private static let patience = 3_600.0

    func run(_ reporter: Reporter) async throws {
        let dryRun = dryRun
        let answer = try await access.using(.index, silence: Self.patience) { client throws(RegistryError) in
            guard
                let answer = try await client.act(
                    "/v1/collection", query: dryRun ? "?dry_run=true" : "", timeout: Self.patience)
            else { throw .unknown("\(client.name) is no registry of swoop: it collects in its own way") }
            return answer
        }
        func count(_ key: String) -> Int { answer[key]?.lenientInteger.map { Int($0) } ?? 0 }
        reporter.event(
            .object([
                ("event", .string("collected")), ("dryRun", .bool(dryRun)), ("manifests", .int(count("manifests"))),
                ("links", .int(count("blobs"))), ("blobs", .int(count("removed"))), ("bytes", .int(count("bytes"))),
            ]))
        let (would, blobs) = (dryRun ? "would remove" : "removed", HumanText.plural(count("removed"), "blob"))
        reporter.note(
            "\(would) \(HumanText.plural(count("manifests"), "manifest")) and \(blobs) of \(HumanText.bytes(count("bytes")))"
        )
    }
}

/// `swoop origin status`: shows the state of an origin's disk.
struct OriginStatusCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show an origin's blobs, free space, blobs waiting for the back end, and corrupt blobs.",
        discussion: """
            Examples:
              swoop origin status
              swoop origin status --registry http://192.0.2.7:15002 --json
            """)

    @OptionGroup var access: RegistryArguments

    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let status = try await access.using { client throws(RegistryError) in
            guard let status = try await client.document("/v1/origin", limit: 1 << 20) else {
                throw .unknown("\(client.name) is no origin of swoop")
            }
            return OriginStatus(status)
        }
        reporter.event(status.event)
        if !reporter.mode.json { reporter.result(status.text) }
    }
}

/// `swoop origin scrub`: verifies all blobs now.
struct OriginScrubCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "scrub",
        abstract: "Verify all blobs of an origin against their digests now, and repair corrupt pieces.",
        discussion: """
            An origin looks at each blob twice a month by itself. This asks for all of them now, at 20 MB/s, and waits until \
            that is done. Wrong pieces are given to nobody, and fetched from other owners or the back end. Exit status 3 if \
            something could not be mended.

            Examples:
              swoop origin scrub
              swoop origin scrub --no-wait
            """)

    @Flag(inversion: .prefixedNo, help: "Wait until all blobs have been verified.")
    var wait = true

    @OptionGroup var access: RegistryArguments

    @OptionGroup var global: GlobalOptions

    private static let pause = Duration.milliseconds(500)

    func run(_ reporter: Reporter) async throws {
        let wait = wait
        let (before, after) = try await access.using { client throws(RegistryError) in
            guard let begun = try await client.act("/v1/scrub") else {
                throw .unknown("\(client.name) is no origin of swoop")
            }
            let before = OriginStatus.Scrub(begun)
            var now = before
            while wait, now.left > 0 {
                do { try await Task.sleep(for: Self.pause) } catch { throw .cancelled }
                guard let answer = try await client.document("/v1/scrub", limit: 1 << 20) else { break }
                now = OriginStatus.Scrub(answer)
            }
            return (before, now)
        }
        let (blobs, bytes) = (after.blobs - before.blobs, after.bytes - before.bytes)
        let (bad, mended) = (after.bad - before.bad, after.mended - before.mended)
        reporter.event(
            .object([
                ("event", .string("scrub")), ("blobs", .int(blobs)), ("bytes", .int(bytes)), ("bad", .int(bad)),
                ("mended", .int(mended)), ("left", .int(after.left)),
                ("broken", .array(after.broken.map { .string($0) })),
            ]))
        guard wait else { return reporter.note("\(HumanText.plural(after.left, "blob")) will be looked at") }
        reporter.note(
            "looked at \(HumanText.plural(blobs, "blob")), \(HumanText.bytes(bytes)): "
                + (bad == 0 ? "all right" : "\(HumanText.plural(bad, "wrong piece")), \(mended) mended"))
        guard let first = after.broken.first else { return }
        throw Failure(
            .verification, "\(HumanText.plural(after.broken.count, "blob")) cannot be mended: \(first)",
            advice: "No owner and no back end has the right bytes: push it again.")
    }
}

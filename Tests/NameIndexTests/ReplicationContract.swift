import NameIndex
import Registry
import Testing

/// What every store must do with what other registries are to get.
struct ReplicationContract: Sendable {
    let make: @Sendable (Remotes) async throws -> any TagStore

    func check() async throws {
        let remotes = try Remotes([("http://all", [".*"]), ("http://some", ["team/.*:latest", "team/app:1"])])
        for part in [
            tasksComeWithTags, tasksAreTakenOnce, tasksEndForWhatTheyWere, conflictsStay, pathsGrow,
        ] {
            let store = try await make(remotes)
            do { try await part(store) } catch {
                await store.close()
                throw error
            }
            await store.close()
        }
    }

    private let app = name("team/app")

    private func put(
        _ store: any TagStore, _ text: String, _ content: String, via: String? = nil, at: Int64 = 1000
    ) async throws {
        let act = Act(who: "tester", address: "192.0.2.1", at: at, via: ClusterPath(via))
        _ = try await store.put(
            tag(text), of: app, digest: blob(content), linking: true, expecting: .anything, by: act)
    }

    private func remotes(_ store: any TagStore, _ text: String) async throws -> [String] {
        try await store.replications(of: tag(text), of: app).map(\.remote)
    }

    private func tasksComeWithTags(_ store: any TagStore) async throws {
        #expect(try await store.countReplications() == 0)
        try await put(store, "1", "a")
        #expect(try await remotes(store, "1") == ["http://all", "http://some"])
        try await put(store, "2", "a")
        #expect(try await remotes(store, "2") == ["http://all"])
        #expect(try await store.countReplications() == 3)
        // What changes nothing makes none.
        for task in try await store.replications(of: tag("1"), of: app) { try await store.endReplication(task) }
        try await put(store, "1", "a")
        try await put(store, "1", "b")
        #expect(try await remotes(store, "1") == [])
        // Unless it is asked for.
        #expect(try await store.replicate(tag("1"), of: app, at: 5))
        #expect(try await store.replications(of: tag("1"), of: app).map(\.due) == [5, 5])
        #expect(try await store.replicate(tag("none"), of: app, at: 5) == false)
        // A manifest's tags too.
        try await store.link([blob("config"), blob("a")], to: app, at: 1)
        let image = try manifest(["a"])
        #expect(
            try await store.put(image, under: app, tags: [.latest], expecting: .anything, by: act()) == .stored)
        #expect(try await store.replications(of: .latest, of: app).map(\.digest) == [image.digest, image.digest])
    }

    private func tasksAreTakenOnce(_ store: any TagStore) async throws {
        for (number, at) in [(1, 3000), (2, 1000), (3, 2000)] as [(Int, Int64)] {
            try await put(store, "\(number)", "a", at: at)
        }
        func take(_ now: Int64, _ limit: Int = 9) async throws -> [String] {
            try await store.takeReplications(to: "http://all", now: now, lease: now + 100_000, limit: limit)
                .map(\.tag.text)
        }
        #expect(try await take(999) == [])
        // The oldest first.
        #expect(try await take(2500, 1) == ["2"])
        #expect(try await take(2500) == ["3"])
        #expect(try await take(2500) == [])
        #expect(try await take(3000) == ["1"])
        #expect(try await store.takeReplications(to: "http://none", now: 9000, lease: 9999, limit: 9) == [])
        // Who took them may have died.
        #expect(try await Set(take(200_000)) == ["1", "2", "3"])
        #expect(try await store.countReplications() == 4)
    }

    private func tasksEndForWhatTheyWere(_ store: any TagStore) async throws {
        try await put(store, "latest", "a")
        let old = try await store.takeReplications(to: "http://all", now: 9000, lease: 99_000, limit: 9)
        try await store.noteUpload("here", of: old[0])
        #expect(try await store.replications(of: .latest, of: app).map(\.upload) == ["here", ""])
        try await store.postponeReplication(old[0], to: 10_000, failures: 3, problem: "silent")
        let postponed = try await store.replications(of: .latest, of: app)[0]
        #expect(postponed.due == 10_000 && postponed.failures == 3 && postponed.problem == "silent")
        // It names something else meanwhile: that is due at once, and what comes of the other is nothing to it.
        try await put(store, "latest", "b", at: 9500)
        try await store.endReplication(old[0])
        try await store.postponeReplication(old[0], to: nil, failures: 9, problem: "conflict")
        let new = try await store.replications(of: .latest, of: app)
        #expect(new.map(\.digest) == [blob("b"), blob("b")])
        #expect(new[0].due == 9500 && new[0].failures == 0 && new[0].problem == "")
        try await store.endReplication(new[0])
        #expect(try await remotes(store, "latest") == ["http://some"])
    }

    private func conflictsStay(_ store: any TagStore) async throws {
        try await put(store, "2", "a")
        let task = try await store.takeReplications(to: "http://all", now: 9000, lease: 99_000, limit: 9)[0]
        try await store.postponeReplication(task, to: nil, failures: 1, problem: "another digest is there")
        #expect(try await store.takeReplications(to: "http://all", now: .max, lease: .max, limit: 9) == [])
        #expect(try await store.countReplications() == 0)
        let left = try await store.replications(of: tag("2"), of: app)
        #expect(left.map(\.due) == [nil] && left.map(\.problem) == ["another digest is there"])
        #expect(try await store.replicate(tag("2"), of: app, at: 7))
        #expect(try await store.takeReplications(to: "http://all", now: 7, lease: 8, limit: 9).map(\.problem) == [""])
    }

    private func pathsGrow(_ store: any TagStore) async throws {
        let own = try await store.cluster()
        #expect(own.count == 16)
        try await put(store, "1", "a", via: "first,second")
        #expect(
            try await store.replications(of: tag("1"), of: app).map(\.via.clusters)
                == [["first", "second", own], ["first", "second", own]])
        // One that is full leads no further.
        try await put(store, "2", "a", via: (0..<16).map { "c\($0)" }.joined(separator: ","))
        #expect(try await remotes(store, "2") == [])
    }
}

import NameIndex
import Registry
import Testing

/// What every store of an index must do, whatever it is made of. A new store's tests call ``check()`` with a way to make an empty one,
/// whose mutable tags are those called `latest`.
struct TagStoreContract: Sendable {
    let make: @Sendable () async throws -> any TagStore

    func check() async throws {
        for part in [
            tagsNameWhatTheyWerePut, immutableTagsStay, mutableTagsMove, changesGoOnFromWhatIsExpected,
            deletedTagsComeBack,
            historyTellsAll, listsAreInOrderAndPaged, listsBelowAPathHaveNothingElse, manifestsNeedTheirParts,
            manifestsTakeTheirTags, manifestsGoWithTheirTags, referrersAreFound, blobsBelongToNames,
            collectionTakesWhatNothingReaches, oneOfManyCollects, oneOfManyPutsWins, putsOfManyTagsAreAllThere,
        ] {
            let store = try await make()
            do { try await part(store) } catch {
                await store.close()
                throw error
            }
            await store.close()
        }
    }

    private let app = name("team/app")

    /// A blob of the name, and a tag on it.
    private func put(
        _ store: any TagStore, _ text: String, _ content: String, _ expecting: Expectation = .anything, at: Int64 = 1000
    ) async throws -> TagPutOutcome {
        try await store.put(
            tag(text), of: app, digest: blob(content), linking: true, expecting: expecting, by: act(at))
    }

    private func tagsNameWhatTheyWerePut(_ store: any TagStore) async throws {
        #expect(try await store.record(of: tag("1"), of: app) == nil)
        #expect(try await store.exists(app) == false)
        #expect(try await put(store, "1", "a") == .put)
        #expect(
            try await store.record(of: tag("1"), of: app) == TagRecord(tag: tag("1"), digest: blob("a"), at: 1000))
        #expect(try await store.exists(app))
        #expect(try await store.record(of: tag("1"), of: name("team")) == nil)
        #expect(try await store.record(of: tag("1"), of: name("Team/app")) == nil)
        #expect(try await store.resolve(Reference(name: app, version: .tag(tag("1")))) == .blob(blob("a")))
        #expect(try await store.resolve(Reference(name: app, version: .digest(blob("a")))) == .blob(blob("a")))
        #expect(try await store.resolve(Reference(name: name("other"), version: .digest(blob("a")))) == nil)
        // A digest that the name does not have.
        let unknown = try await store.put(
            tag("2"), of: app, digest: blob("b"), linking: false, expecting: .anything, by: act())
        #expect(unknown == .unknown)
        #expect(try await store.record(of: tag("2"), of: app) == nil)
        let counts = try await store.counts()
        #expect(counts == StoreCounts(names: 1, tags: 1, manifests: 0))
    }

    private func immutableTagsStay(_ store: any TagStore) async throws {
        #expect(try await put(store, "1", "a") == .put)
        #expect(try await put(store, "1", "a") == .same)
        #expect(try await put(store, "1", "b") == .taken(blob("a")))
        #expect(try await put(store, "1", "b", .digest(blob("a"))) == .taken(blob("a")))
        #expect(try await store.record(of: tag("1"), of: app)?.digest == blob("a"))
        // What came of nothing has left nothing.
        #expect(try await store.linked([blob("b")], to: app) == [])
        #expect(try await store.history(of: app, tag: nil, before: nil, limit: 10).count == 1)
    }

    private func mutableTagsMove(_ store: any TagStore) async throws {
        #expect(try await put(store, "latest", "a") == .put)
        #expect(try await put(store, "latest", "b", at: 2000) == .put)
        #expect(
            try await store.record(of: .latest, of: app) == TagRecord(tag: .latest, digest: blob("b"), at: 2000))
        #expect(try await put(store, "latest", "a") == .put)
    }

    private func changesGoOnFromWhatIsExpected(_ store: any TagStore) async throws {
        #expect(try await put(store, "latest", "a", .present) == .moved(nil))
        #expect(try await put(store, "latest", "a", .digest(blob("a"))) == .moved(nil))
        #expect(try await put(store, "latest", "a", .absent) == .put)
        #expect(try await put(store, "latest", "b", .absent) == .moved(blob("a")))
        #expect(try await put(store, "latest", "b", .digest(blob("c"))) == .moved(blob("a")))
        #expect(try await put(store, "latest", "b", .digest(blob("a"))) == .put)
        #expect(try await put(store, "latest", "c", .present) == .put)
        let moved = try await store.delete(.latest, of: app, expecting: .digest(blob("a")), by: act())
        #expect(moved == .moved(blob("c")))
        let deleted = try await store.delete(.latest, of: app, expecting: .digest(blob("c")), by: act())
        #expect(deleted == .deleted(blob("c")))
        #expect(try await store.delete(.latest, of: app, expecting: .anything, by: act()) == .unknown)
        #expect(try await store.delete(tag("no"), of: name("no"), expecting: .anything, by: act()) == .unknown)
    }

    private func deletedTagsComeBack(_ store: any TagStore) async throws {
        #expect(try await put(store, "1", "a") == .put)
        #expect(try await store.delete(tag("1"), of: app, expecting: .anything, by: act()) == .deleted(blob("a")))
        #expect(try await store.record(of: tag("1"), of: app) == nil)
        #expect(try await store.resolve(Reference(name: app, version: .tag(tag("1")))) == nil)
        #expect(try await put(store, "1", "b") == .taken(blob("a")))
        #expect(try await put(store, "1", "a") == .put)
        // A mutable one comes back with anything.
        #expect(try await put(store, "latest", "a") == .put)
        #expect(try await store.delete(.latest, of: app, expecting: .anything, by: act()) == .deleted(blob("a")))
        #expect(try await put(store, "latest", "b") == .put)
    }

    private func historyTellsAll(_ store: any TagStore) async throws {
        for (at, content) in [(1, "a"), (2, "b"), (2, "b"), (4, "c")] as [(Int64, String)] {
            _ = try await put(store, "latest", content, at: at)
        }
        _ = try await put(store, "1", "a", at: 5)
        _ = try await store.delete(.latest, of: app, expecting: .anything, by: act(6, who: "other"))
        let all = try await store.history(of: app, tag: nil, before: nil, limit: 100)
        #expect(all.map(\.act.at) == [6, 5, 4, 2, 1])
        // A deletion tells what the tag was on.
        #expect(all.map(\.digest) == [blob("c"), blob("a"), blob("c"), blob("b"), blob("a")])
        #expect(all.map(\.isDeletion) == [true, false, false, false, false])
        #expect(all.first?.act == act(6, who: "other"))
        #expect(all.map(\.id) == all.map(\.id).sorted(by: >))
        let latest = try await store.history(of: app, tag: .latest, before: nil, limit: 2)
        #expect(latest.map(\.act.at) == [6, 4])
        let rest = try await store.history(of: app, tag: .latest, before: latest.last?.id, limit: 2)
        #expect(rest.map(\.act.at) == [2, 1])
        #expect(try await store.history(of: name("none"), tag: nil, before: nil, limit: 2) == [])
    }

    private func listsAreInOrderAndPaged(_ store: any TagStore) async throws {
        // By bytes: capitals first, and no locale.
        let texts = ["B", "a", "_", "1", "10", "2", "a.b", "a-b", "a_b", "Z"]
        for (at, text) in texts.enumerated() { _ = try await put(store, text, "x", at: Int64(at)) }
        let sorted = texts.map { tag($0) }.sorted()
        #expect(try await store.tags(of: app, after: nil, limit: 100).map(\.tag) == sorted)
        var paged: [Tag] = []
        while true {
            let page = try await store.tags(of: app, after: paged.last, limit: 3).map(\.tag)
            paged += page
            if page.count < 3 { break }
        }
        #expect(paged == sorted)
        #expect(try await store.newestTags(of: app, limit: 2).map(\.tag.text) == ["Z", "a_b"])
        let names = ["b", "B", "a/b", "a", "a-b", "ab"].map { name($0) }
        for one in names {
            _ = try await store.put(
                tag("1"), of: one, digest: blob("x"), linking: true, expecting: .anything, by: act())
        }
        try await store.link([blob("x")], to: name("only/blob"), at: 1)
        let all = (names + [app, name("only/blob")]).sorted()
        #expect(try await store.names(prefix: "", after: nil, limit: 100) == all)
        #expect(try await store.names(prefix: "", after: all[2], limit: 2) == Array(all[3...4]))
        #expect(try await store.names(prefix: "a", after: nil, limit: 9).map(\.text) == ["a", "a-b", "a/b", "ab"])
        #expect(try await store.names(prefix: "a%", after: nil, limit: 9) == [])
    }

    private func listsBelowAPathHaveNothingElse(_ store: any TagStore) async throws {
        for text in ["a", "a-b", "a/b", "a/b/c", "ab", "b"] {
            for one in ["1", "2"] {
                _ = try await store.put(
                    tag(one), of: name(text), digest: blob("x"), linking: true, expecting: .anything, by: act())
            }
        }
        _ = try await store.delete(tag("1"), of: name("a/b"), expecting: .anything, by: act())
        let below = try await store.tags(below: "a", after: nil, limit: 100).map(\.description)
        #expect(below == ["a:1", "a:2", "a/b:2", "a/b/c:1", "a/b/c:2"])
        let part = try await store.tags(below: "a", after: Reference("a:1"), limit: 2).map(\.description)
        #expect(part == ["a:2", "a/b:2"])
        #expect(try await store.tags(below: "", after: nil, limit: 100).count == 11)
        #expect(try await store.tags(below: "c", after: nil, limit: 100) == [])
    }

    private func manifestsNeedTheirParts(_ store: any TagStore) async throws {
        let image = try manifest(["a", "b", "a"])
        func put(_ manifest: Manifest, _ tags: [Tag] = []) async throws -> ManifestPutOutcome {
            try await store.put(manifest, under: app, tags: tags, expecting: .anything, by: act())
        }
        #expect(try await put(image, [.latest]) == .missing([blob("config"), blob("a"), blob("b")]))
        #expect(try await store.exists(app) == false)
        try await store.link([blob("config"), blob("a")], to: app, at: 1)
        try await store.link([blob("b")], to: name("other"), at: 1)
        #expect(try await put(image, [.latest]) == .missing([blob("b")]))
        #expect(try await store.record(of: .latest, of: app) == nil)
        try await store.link([blob("b")], to: app, at: 1)
        #expect(try await put(image) == .stored)
        #expect(try await put(image) == .stored)
        let stored = StoredManifest(
            digest: image.digest, mediaType: Manifest.imageType, artifactType: "application/vnd.example.config",
            subject: nil, bytes: image.bytes)
        #expect(try await store.resolve(Reference(name: app, version: .digest(image.digest))) == .manifest(stored))
        #expect(try await store.resolve(Reference(name: name("other"), version: .digest(image.digest))) == nil)
        let other = try manifest(["a"])
        #expect(try await put(try index(of: [image, other])) == .missing([other.digest]))
        #expect(try await put(other) == .stored)
        #expect(try await put(try index(of: [image, other]), [.latest]) == .stored)
    }

    private func manifestsTakeTheirTags(_ store: any TagStore) async throws {
        try await store.link([blob("config"), blob("a"), blob("b")], to: app, at: 1)
        let (first, second) = (try manifest(["a"]), try manifest(["b"]))
        func put(
            _ manifest: Manifest, _ tags: [String], _ expecting: Expectation = .anything
        ) async throws -> ManifestPutOutcome {
            try await store.put(manifest, under: app, tags: tags.map { tag($0) }, expecting: expecting, by: act())
        }
        #expect(try await put(first, ["1", "latest"]) == .stored)
        #expect(try await store.record(of: .latest, of: app)?.digest == first.digest)
        // All tags or none, and without them no manifest.
        #expect(try await put(second, ["2", "1"]) == .taken(tag("1"), first.digest))
        #expect(try await store.record(of: tag("2"), of: app) == nil)
        #expect(try await store.resolve(Reference(name: app, version: .digest(second.digest))) == nil)
        #expect(try await put(second, ["latest"], .digest(second.digest)) == .moved(.latest, first.digest))
        #expect(try await put(second, ["latest"], .digest(first.digest)) == .stored)
        guard case .manifest(let stored)? = try await store.resolve(Reference(name: app, version: .tag(.latest)))
        else {
            Issue.record("the tag leads to no manifest")
            return
        }
        #expect(stored.bytes == second.bytes)
        let again = try await store.put(
            tag("3"), of: app, digest: first.digest, linking: false, expecting: .anything, by: act())
        #expect(again == .put)
    }

    private func manifestsGoWithTheirTags(_ store: any TagStore) async throws {
        try await store.link([blob("config"), blob("a")], to: app, at: 1)
        let image = try manifest(["a"])
        _ = try await store.put(
            image, under: app, tags: [tag("1"), .latest], expecting: .anything, by: act())
        _ = try await put(store, "2", "a")
        #expect(try await store.deleteManifest(image.digest, of: name("other"), by: act()) == false)
        #expect(try await store.deleteManifest(image.digest, of: app, by: act(9)))
        #expect(try await store.deleteManifest(image.digest, of: app, by: act()) == false)
        #expect(try await store.tags(of: app, after: nil, limit: 9).map(\.tag.text) == ["2"])
        #expect(try await store.history(of: app, tag: .latest, before: nil, limit: 1).first?.isDeletion == true)
    }

    private func referrersAreFound(_ store: any TagStore) async throws {
        try await store.link([blob("config")] + ["a", "b", "c", "d"].map(blob), to: app, at: 1)
        let subject = try manifest(["a"])
        let about = [
            try manifest(["b"], subject: subject.digest, artifactType: "text/x"),
            try manifest(["c"], subject: subject.digest, artifactType: "text/y"),
            try manifest(["d"], subject: subject.digest, artifactType: "text/x"),
        ]
        // The subject need not be there.
        for one in about {
            #expect(try await store.put(one, under: app, tags: [], expecting: .anything, by: act()) == .stored)
        }
        func found(_ type: String? = nil, after: BlobDigest? = nil, limit: Int = 9) async throws -> [BlobDigest] {
            try await store.referrers(
                of: subject.digest, under: app, artifactType: type, after: after, limit: limit
            ).map(\.digest)
        }
        let sorted = about.map(\.digest).sorted()
        #expect(try await found() == sorted)
        #expect(try await found("text/x") == [about[0].digest, about[2].digest].sorted())
        #expect(try await found("text/z") == [])
        #expect(try await found(limit: 1) == [sorted[0]])
        #expect(try await found(after: sorted[0]) == Array(sorted[1...]))
        let elsewhere = try await store.referrers(
            of: subject.digest, under: name("other"), artifactType: nil, after: nil, limit: 9)
        #expect(elsewhere == [])
    }

    private func blobsBelongToNames(_ store: any TagStore) async throws {
        let (a, b, c) = (blob("a"), blob("b"), blob("c"))
        try await store.link([a, b, a], to: app, at: 1)
        try await store.link([a], to: name("other"), at: 1)
        #expect(try await store.linked([a, b, c], to: app) == [a, b])
        #expect(try await store.linked([a, b, c], to: name("other")) == [a])
        #expect(try await store.linked([a, b, c], to: name("none")) == [])
        #expect(try await store.names(having: a, limit: 9) == [name("other"), app])
        #expect(try await store.names(having: a, limit: 1) == [name("other")])
        #expect(try await store.unlink(a, from: app))
        #expect(try await store.unlink(a, from: app) == false)
        #expect(try await store.unlink(a, from: name("none")) == false)
        #expect(try await store.held([a, b, c]) == [a, b])
        _ = try await store.unlink(a, from: name("other"))
        #expect(try await store.held([a, b, c]) == [b])
    }

    private func oneOfManyCollects(_ store: any TagStore) async throws {
        func claim(_ now: Int64) async throws -> Bool { try await store.claimCollection(now: now, period: 1000) }
        #expect(try await claim(10_000) == false)
        #expect(try await claim(10_999) == false)
        let claims = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 { group.addTask { try await store.claimCollection(now: 11_000, period: 1000) } }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(claims == 1)
        // One that failed comes again sooner.
        try await store.setLastCollection(10_500)
        #expect(try await claim(11_499) == false)
        #expect(try await claim(11_500) == true)
        // A clock that was ahead.
        #expect(try await claim(100) == false)
        #expect(try await claim(1100) == true)
    }

    private func collectionTakesWhatNothingReaches(_ store: any TagStore) async throws {
        let day: Int64 = 86_400_000
        try await store.link(["config", "a", "b", "c", "d", "raw", "loose"].map(blob), to: app, at: 0)
        let kept = try manifest(["a"])
        let (dropped, signature, fresh) = (
            try manifest(["b"]), try manifest(["c"], subject: kept.digest), try manifest(["d"])
        )
        for (manifest, at) in [(kept, 0), (dropped, 0), (signature, 0), (fresh, 3 * day)] as [(Manifest, Int64)] {
            _ = try await store.put(manifest, under: app, tags: [], expecting: .anything, by: act(at))
        }
        let parent = try index(of: [kept])
        _ = try await store.put(parent, under: app, tags: [.latest], expecting: .anything, by: act(0))
        _ = try await put(store, "file", "raw", at: 0)
        let reached = Set(
            [kept.digest, signature.digest, parent.digest] + ["config", "a", "c", "raw"].map(blob))
        #expect(try await store.reached() == reached)
        // Touched: kept for its time, though no tag reaches it.
        try await store.touch([blob("loose"), blob("nowhere")], of: app, at: 3 * day)
        let expected = Collected(manifests: 1, links: 1)
        #expect(try await store.collect(untouchedSince: 2 * day, dryRun: true) == expected)
        #expect(try await store.linked([blob("b")], to: app) == [blob("b")])
        #expect(try await store.collect(untouchedSince: 2 * day, dryRun: false) == expected)
        #expect(try await store.collect(untouchedSince: 2 * day, dryRun: false) == Collected())
        let held = try await store.held(
            ["config", "a", "b", "c", "d", "raw", "loose"].map(blob) + [dropped.digest, fresh.digest])
        #expect(held == Set(["config", "a", "c", "d", "raw", "loose"].map(blob) + [fresh.digest]))
        // Without the tag, and long after, nothing is left.
        _ = try await store.delete(.latest, of: app, expecting: .anything, by: act(4 * day))
        _ = try await store.delete(tag("file"), of: app, expecting: .anything, by: act(4 * day))
        _ = try await store.collect(untouchedSince: 9 * day, dryRun: false)
        #expect(try await store.counts().manifests == 0)
        #expect(try await store.reached() == [])
        #expect(try await store.held([blob("a"), blob("raw"), fresh.digest]) == [])
    }

    private func oneOfManyPutsWins(_ store: any TagStore) async throws {
        let outcomes = try await withThrowingTaskGroup(of: (String, TagPutOutcome).self) { group in
            for number in 0..<32 {
                let content = number % 2 == 0 ? "a" : "b"
                group.addTask { (content, try await put(store, "1", content)) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let won = try await store.record(of: tag("1"), of: app)?.digest
        let winner = won == blob("a") ? "a" : "b"
        #expect(outcomes.filter { $0.1 == .put }.map(\.0) == [winner])
        #expect(outcomes.filter { $0.1 == .same }.map(\.0) == Array(repeating: winner, count: 15))
        #expect(outcomes.filter { $0.1 == .taken(blob(winner)) }.count == 16)
        #expect(try await store.history(of: app, tag: nil, before: nil, limit: 99).count == 1)
    }

    private func putsOfManyTagsAreAllThere(_ store: any TagStore) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask { () async throws in
                    #expect(try await put(store, "\(number)", "x") == .put)
                    #expect(try await store.record(of: tag("\(number)"), of: app)?.digest == blob("x"))
                }
            }
            try await group.waitForAll()
        }
        #expect(try await store.tags(of: app, after: nil, limit: 999).count == 200)
        #expect(try await store.history(of: app, tag: nil, before: nil, limit: 999).count == 200)
    }
}

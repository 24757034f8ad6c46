import Fleet
import FleetStore
import Hashing
import JSON
import Testing
import Text

/// What every store of a control must do, whatever it is made of.
struct ControlStoreContract: Sendable {
    let make: @Sendable () async throws -> ControlStore

    func check() async throws {
        for part in [
            tokensAreUsedOnce, aLostReplyIsAnsweredAgain, aRemovalGivesNoTokenBack, oneOfManyUsesWins,
            namesAreOfOneNode,
            changesNeedTheirRevision,
            sequencesAreKept, classesKeepTheirVersions, keysStartOneJob, wrongKeysLeaveTheRightOneAsItIs,
            jobsComeBackAsTheyWere, movesGoOnFromWhatOthersDid, receiptsAreKeptOnce, jobsAreListedNewestFirst,
            callsAreCarriedOutOnce, apiTokensHaveOneName, changesAreInOrder, leasesHaveOneHolder,
            controlsHearOfEachOther, controlsHearOfProgress,
            theFirstAuthorityStays,
            auditTellsAll, oldThingsGo, changedTargetsComeInOrder, aWebhookLosesNothing, aWebhookIsBounded,
        ] {
            let store = try await make()
            do { try await part(store) } catch {
                await store.close()
                throw error
            }
            await store.close()
        }
    }

    // MARK: Tokens and nodes

    private func join(_ store: ControlStore, _ number: Int, secret: String = "s") async throws -> JoinOutcome {
        try await store.join(
            token: "0011223344556677", secret: Secret(secret), node(number), certificate: "PEM \(number)", at: now)
    }

    private func tokensAreUsedOnce(_ store: ControlStore) async throws {
        _ = try await store.add(token(), by: act())
        guard case .refused(.unknown) = try await join(store, 1, secret: "wrong") else { throw Wrong() }
        guard case .joined(let first) = try await join(store, 1) else { throw Wrong() }
        #expect(first.name == "node-1")
        #expect(first.revision > 0)
        guard case .refused(.used) = try await join(store, 2) else { throw Wrong() }
        #expect(try await store.nodes().map(\.id) == [node(1).id])
        let used = try #require(try await store.token("0011223344556677"))
        #expect(used.grant.used == 1 && used.users == [node(1).id])
        #expect(try await store.tokens(after: nil, limit: 10).map(\.users) == [[node(1).id]])
        #expect(
            try await store.audit(before: nil, limit: 10).map(\.action) == [
                "token.refused", "node.join", "token.refused", "token.create",
            ])
    }

    private func aLostReplyIsAnsweredAgain(_ store: ControlStore) async throws {
        _ = try await store.add(token(), by: act())
        guard case .joined = try await join(store, 1) else { throw Wrong() }
        let again = try await store.join(
            token: "0011223344556677", secret: Secret("s"), node(1), certificate: "another", at: now + 5000)
        guard case .again(_, "PEM 1") = again else { throw Wrong() }
        _ = try await store.change(node(1).id, by: act(), "node.revoke") {
            $0.state = .revoked
            return nil
        }
        guard case .revoked = try await join(store, 1) else { throw Wrong() }
    }

    private func aRemovalGivesNoTokenBack(_ store: ControlStore) async throws {
        _ = try await store.add(token(), by: act())
        guard case .joined = try await join(store, 1) else { throw Wrong() }
        _ = try await store.remove(node(1).id, by: act())
        guard case .refused(.used) = try await join(store, 1) else { throw Wrong() }
        _ = try await store.revokeToken("0011223344556677", expecting: nil, by: act())
        guard case .refused(.revoked) = try await join(store, 1) else { throw Wrong() }
        #expect(try await store.nodes().isEmpty)
    }

    private func oneOfManyUsesWins(_ store: ControlStore) async throws {
        _ = try await store.add(token(), by: act())
        let joined = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<64 {
                group.addTask { if case .joined = try await join(store, number) { true } else { false } }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(joined == 1)
        #expect(try await store.nodes().count == 1)
    }

    private func namesAreOfOneNode(_ store: ControlStore) async throws {
        _ = try await store.add(token(uses: 3), by: act())
        for number in 1...2 {
            let outcome = try await store.join(
                token: "0011223344556677", secret: Secret("s"), node(number, name: "web"), certificate: "", at: now)
            guard case .joined = outcome else { throw Wrong() }
        }
        let names = try await store.nodes().map(\.name)
        #expect(Set(names).count == 2)
        #expect(names.contains("web"))
        let other = try #require(try await store.nodes().first { $0.name != "web" })
        let taken = try await store.change(other.id, by: act(), "node.rename") {
            $0.name = "web"
            return nil
        }
        guard case .taken = taken else { throw Wrong() }
    }

    private func changesNeedTheirRevision(_ store: ControlStore) async throws {
        _ = try await store.add(token(), by: act())
        guard case .joined(let first) = try await join(store, 1) else { throw Wrong() }
        let second = try #require(
            try await store.change(first.id, expecting: first.revision, by: act(), "node.label") {
                try? $0.labels.set("site", "bj")
                return nil
            }.value)
        #expect(second.revision > first.revision)
        guard
            case .stale(second.revision) = try await store.change(
                first.id, expecting: first.revision, by: act(), nil, { _ in nil })
        else { throw Wrong() }
        guard case .refused("no", _) = try await store.change(first.id, by: act(), nil, { _ in ("no", "no") }) else {
            throw Wrong()
        }
        #expect(try await store.node(first.id)?.site == "bj")
        guard case .stale = try await store.remove(first.id, expecting: 1, by: act()) else { throw Wrong() }
        #expect(try await store.remove(first.id, by: act()).value != nil)
        #expect(try await store.node(first.id) == nil)
        guard case .unknown = try await store.remove(first.id, by: act()) else { throw Wrong() }
        // A node that was removed gives its token back to nobody, not even to its own key.
        guard case .refused(.used) = try await join(store, 1) else { throw Wrong() }
        #expect(try await store.nodes().isEmpty)
    }

    private func sequencesAreKept(_ store: ControlStore) async throws {
        let id = node(1).id
        #expect(try await store.sequence(of: id) == nil)
        try await store.seen([(id, now, SyncSequence(last: 7, nonce: "n", requests: ["a", "b"]))], by: "c-1")
        #expect(try await store.sequence(of: id) == SyncSequence(last: 7, nonce: "n", requests: ["a", "b"]))
    }

    // MARK: Classes

    private func classesKeepTheirVersions(_ store: ControlStore) async throws {
        let (one, two): (JSONObject, JSONObject) = (["targets": "a"], ["targets": "b"])
        guard case .stale(0) = try await store.put(class: "release", one, expecting: 5, by: act()) else {
            throw Wrong()
        }
        let first = try #require(try await store.put(class: "release", one, expecting: 0, by: act()).value)
        #expect(first.version == 1)
        guard case .stale = try await store.put(class: "release", two, expecting: 0, by: act()) else { throw Wrong() }
        let second = try #require(
            try await store.put(class: "release", two, expecting: first.revision, by: act()).value)
        #expect(second.version == 2)
        #expect(try await store.put(class: "release", two, expecting: nil, by: act()).value?.version == 2)
        #expect(try await store.fleetClass("release")?.doc == two)
        #expect(try await store.fleetClass("release", version: 1)?.doc == one)
        #expect(try await store.versions(of: "release", before: nil, limit: 10).map(\.version) == [2, 1])
        #expect(try await store.remove(class: "release", expecting: second.revision, by: act()).value != nil)
        #expect(try await store.fleetClass("release") == nil)
        #expect(try await store.fleetClass("release", version: 2)?.doc == two)
        #expect(try await store.classes(after: nil, limit: 10).isEmpty)
        #expect(try await store.put(class: "release", one, expecting: 0, by: act()).value?.version == 3)
    }

    // MARK: Jobs

    private func start(_ store: ControlStore, _ id: String, targets: [Int]) async throws -> JobSnapshot {
        _ = try await store.add(job(id), by: act())
        let secret = [UInt8](repeating: 7, count: 32)
        let bound = binding(id, targets: targets)
        #expect(
            try await store.put(
                OneTimeKey(digest: OneTimeKey.digest(of: secret), binding: bound, issued: now, lifetime: 600)))
        let started = try await store.start(bound, with: secret, by: act()) { job in
            job.record.content = content
            job.record.sealed = [1, 2, 3]
            job.machine = JobMachine(
                id: id, waves: [targets.map { NodeID(publicKey: key($0)) }], course: JobCourse(), at: now)
        }
        return try #require(try started.get())
    }

    private func keysStartOneJob(_ store: ControlStore) async throws {
        let snapshot = try await start(store, "j1", targets: [1, 2])
        #expect(snapshot.record.state == .running)
        let secret = [UInt8](repeating: 7, count: 32)
        let again = try await store.start(binding("j1", targets: [1, 2]), with: secret, by: act()) { _ in }
        guard case .failure(.used) = again else { throw Wrong() }
        // The same request once more is answered, and changes nothing.
        _ = try await store.add(job("j2"), by: act())
        let bound = binding("j2", targets: [1])
        #expect(
            try await store.put(
                OneTimeKey(digest: OneTimeKey.digest(of: secret), binding: bound, issued: now, lifetime: 600)))
        for number in 0..<2 {
            let started = try await store.start(bound, with: secret, request: "r", by: act()) { job in
                job.machine = JobMachine(
                    id: "j2", waves: [[NodeID(publicKey: key(1))]], course: JobCourse(), at: now)
            }
            #expect(try (started.get() != nil) == (number == 0))
        }
        guard case .failure(.used) = try await store.start(bound, with: secret, request: "s", by: act(), { _ in })
        else {
            throw Wrong()
        }
        // A key that was used is in force for good: no other takes its place.
        let other = OneTimeKey(
            digest: OneTimeKey.digest(of: [9]), binding: binding("j1", targets: [1]), issued: now, lifetime: 600)
        #expect(try await store.put(other) == false)
        #expect(try await store.audit(before: nil, limit: 1).first?.action == "key.refused")
    }

    private func wrongKeysLeaveTheRightOneAsItIs(_ store: ControlStore) async throws {
        _ = try await store.add(job("j1"), by: act())
        let secret = [UInt8](repeating: 7, count: 32)
        let bound = binding("j1", targets: [1])
        _ = try await store.put(
            OneTimeKey(digest: OneTimeKey.digest(of: secret), binding: bound, issued: now, lifetime: 600))
        func refusal(_ wanted: KeyBinding, _ key: [UInt8], at moment: Double = now) async throws -> KeyRefusal? {
            switch try await store.start(wanted, with: key, by: act(at: moment), { _ in }) {
            case .failure(let refusal): refusal
            case .success: nil
            }
        }
        #expect(try await refusal(bound, [1]) == .unknown)
        #expect(try await refusal(bound, secret, at: now + 601) == .expired)
        #expect(try await refusal(binding("j1", targets: [1], sender: 9), secret) == .sender)
        #expect(try await refusal(binding("j1", targets: [1, 2]), secret) == .targets)
        let other = JobContent(infoHashes: content.infoHashes, files: 3, bytes: 5)
        #expect(try await refusal(binding("j1", targets: [1], content: other), secret) == .content)
        #expect(try await refusal(bound, secret) == nil)
    }

    private func jobsComeBackAsTheyWere(_ store: ControlStore) async throws {
        var snapshot = try await start(store, "j1", targets: [3, 1, 2])
        let first = NodeID(publicKey: key(3))
        let moved = try await store.move("j1", known: snapshot, course: JobCourse(), by: act()) {
            job -> MoveDecision<Int> in
            guard var machine = job.machine else { return .refused(code: "no", "no") }
            _ = machine.report(.receiving, of: first, at: now + 1)
            _ = machine.report(.failed(code: "disk", again: true), of: NodeID(publicKey: key(1)), at: now + 1)
            job.machine = machine
            return .go(5)
        }
        snapshot = try #require(moved.value?.snapshot)
        #expect(moved.value?.result == 5)
        let read = try #require(try await store.snapshot("j1", course: JobCourse()))
        #expect(read.machine == snapshot.machine)
        #expect(read.record == snapshot.record)
        #expect(read.details == snapshot.details)
        // A target that is tried again waits as long wherever that is read.
        #expect(abs((read.machine?.due ?? 0) - (snapshot.machine?.due ?? 9)) <= 1)
        #expect(read.machine?.target(first)?.state == .receiving)
        #expect(read.machine?.targets.map(\.node) == [3, 1, 2].map { NodeID(publicKey: key($0)) })
        #expect(try await store.targets(of: "j1", after: nil, state: "receiving", limit: 10).count == 1)
        #expect(
            try await store.changedTargets(of: "j1", after: snapshot.record.revision - 1, "~", limit: 10)
                .count == 2)
        let gone = try await store.move("no", known: nil, course: JobCourse(), by: act()) { _ -> MoveDecision<Int> in
            .go(1)
        }
        guard case .unknown = gone else { throw Wrong() }
    }

    /// Two controls move one job: each sees what the other did, and nothing is lost.
    private func movesGoOnFromWhatOthersDid(_ store: ControlStore) async throws {
        let old = try await start(store, "j1", targets: Array(1...40))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...40 {
                group.addTask {
                    // All of them know no more than the start.
                    _ = try await store.move("j1", known: old, course: JobCourse(), by: act()) {
                        job -> MoveDecision<Bool> in
                        _ = job.machine?.report(.done, of: NodeID(publicKey: key(number)), at: now)
                        return .go(true)
                    }
                }
            }
            try await group.waitForAll()
        }
        let read = try #require(try await store.snapshot("j1", known: old, course: JobCourse()))
        #expect(read.machine?.state == .done)
        #expect(read.record.state == .done)
        #expect(read.record.ended != nil)
        #expect(read.machine == (try await store.snapshot("j1", course: JobCourse()))?.machine)
        guard
            case .stale = try await store.move(
                "j1", known: nil, course: JobCourse(), expecting: 1, by: act(), nil,
                { _ -> MoveDecision<Bool> in .go(true) })
        else { throw Wrong() }
    }

    private func receiptsAreKeptOnce(_ store: ControlStore) async throws {
        let snapshot = try await start(store, "j1", targets: [1])
        func receipt(_ text: String, attempt: Int = 1) -> ReceiptRecord {
            ReceiptRecord(node: node(1).id, attempt: attempt, state: "done", jws: text, publicKey: key(1), at: now)
        }
        for text in ["first", "second"] {
            _ = try await store.move(
                "j1", known: snapshot, course: JobCourse(), by: act(), receipts: [receipt(text)]
            ) { _ -> MoveDecision<Bool> in .go(true) }
        }
        let stranger = ReceiptRecord(
            node: node(7).id, attempt: 1, state: "done", jws: "other", publicKey: key(7), at: now)
        try await store.keepLate([receipt("third", attempt: 2), stranger], of: "j1")
        let kept = try await store.receipts(of: "j1", after: nil, limit: 10)
        #expect(kept.filter { $0.node == node(1).id } == [receipt("first"), receipt("third", attempt: 2)])
        #expect(kept.filter { $0.node == stranger.node }.map(\.state) == ["unknown"])
        var paged: [ReceiptRecord] = []
        while let next = try await store.receipts(
            of: "j1", after: paged.last.map { ($0.node.description, $0.attempt) }, limit: 1
        ).first { paged.append(next) }
        #expect(paged == kept)
        try await store.keepLate([receipt("fourth")], of: "j9")
        #expect(try await store.receipts(of: "j9", after: nil, limit: 10).map(\.state) == ["unknown"])
    }

    private func jobsAreListedNewestFirst(_ store: ControlStore) async throws {
        for number in 1...5 {
            _ = try await store.add(job("j\(number)", className: number == 3 ? "other" : "release"), by: act())
        }
        #expect(try await store.jobs(before: nil, limit: 2).map(\.id) == ["j5", "j4"])
        #expect(try await store.jobs(before: "j4", limit: 2).map(\.id) == ["j3", "j2"])
        #expect(try await store.jobs(before: nil, limit: 9, class: "other").map(\.id) == ["j3"])
        #expect(try await store.jobs(before: nil, limit: 9, state: .running).isEmpty)
        #expect(try await store.jobs(before: nil, limit: 9, isOpen: true).count == 5)
        try await store.keep(metainfo: [0, 1, 255], of: "j1")
        #expect(try await store.metainfo(of: "j1") == [0, 1, 255])
        #expect(try await store.metainfo(of: "j2") == nil)
    }

    // MARK: Calls, tokens, audit

    private func callsAreCarriedOutOnce(_ store: ControlStore) async throws {
        let (one, two) = (SHA256.digest([1]), SHA256.digest([2]))
        #expect(try await store.begin("k", one, at: now) == .first)
        #expect(try await store.begin("k", one, at: now + 1) == .running(since: now))
        #expect(try await store.begin("k", two, at: now) == .other)
        try await store.end("k", status: 201, reply: "text")
        #expect(try await store.begin("k", one, at: now) == .answered(status: 201, reply: "text"))
        #expect(try await store.begin("k", one, at: now + 86_401) == .first)
        try await store.end("k", status: 500, reply: nil)
        #expect(try await store.begin("k", two, at: now) == .first)
    }

    private func apiTokensHaveOneName(_ store: ControlStore) async throws {
        func record(_ id: String, _ name: String) -> APITokenRecord {
            APITokenRecord(
                id: id, name: name, digest: SHA256.digest(Array(id.utf8)), role: "operator", classes: ["release"],
                expires: now + 10, who: "admin", made: now)
        }
        let first = try #require(try await store.add(record("t-1", "ci"), by: act()).value)
        guard case .taken = try await store.add(record("t-2", "ci"), by: act()) else { throw Wrong() }
        try await store.seen(apiTokens: ["t-1": now + 5])
        let kept = try #require(try await store.apiTokens().first)
        #expect(kept.seen == now + 5)
        #expect(kept.classes == ["release"])
        #expect(kept.digest == first.digest)
        guard case .stale = try await store.removeAPIToken("t-1", expecting: 0, by: act()) else { throw Wrong() }
        #expect(try await store.removeAPIToken("t-1", expecting: kept.revision, by: act()).value != nil)
        #expect(try await store.apiTokens().isEmpty)
    }

    private func changesAreInOrder(_ store: ControlStore) async throws {
        let before = try await store.lastChange()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask { try await store.note("alarm", "\(number)", [:], by: act()) }
            }
            try await group.waitForAll()
        }
        let changes = try await store.changes(after: before, limit: 100)
        #expect(changes.map(\.id) == (1...20).map { before + $0 })
        #expect(Set(changes.map(\.subject)).count == 20)
        #expect(changes.allSatisfy { $0.kind == "notice" })
        #expect(try await store.changes(after: before + 15, limit: 2).map(\.id) == [before + 16, before + 17])
    }

    private func leasesHaveOneHolder(_ store: ControlStore) async throws {
        #expect(try await store.lease("x", for: "a", until: now + 10, at: now))
        #expect(try await !store.lease("x", for: "b", until: now + 10, at: now + 5))
        #expect(try await store.lease("x", for: "a", until: now + 20, at: now + 5))
        #expect(try await store.lease("x", for: "b", until: now + 40, at: now + 21))
        #expect(try await !store.lease("x", for: "a", until: now + 40, at: now + 22))
    }

    private func controlsHearOfEachOther(_ store: ControlStore) async throws {
        let nodes = [NodeID(publicKey: [1]), NodeID(publicKey: [2])]
        try await store.alive("c-1", doors: ["https://a:7443"], nodes: nodes, at: now)
        try await store.alive("c-2", doors: ["https://b:7443"], at: now + 1)
        let all = try await store.controls()
        #expect(all.map(\.id) == ["c-1", "c-2"] && all.map(\.doors) == [["https://a:7443"], ["https://b:7443"]])
        #expect(all.map(\.nodes) == [nodes, []])
        let marks = Dictionary(uniqueKeysWithValues: all.map { ($0.id, $0.seen) })
        #expect(try await store.controls(since: marks).isEmpty)
        // A control whose clock was set back has changed too.
        try await store.alive("c-2", doors: ["https://c:7443"], nodes: nodes, at: now - 3600)
        let news = try await store.controls(since: marks)
        #expect(news.map(\.id) == ["c-2"] && news.map(\.nodes) == [nodes])
        // A control that was not heard of for a day is forgotten.
        try await store.alive("c-1", doors: [], at: now + 86_401)
        #expect(try await store.controls().map(\.id) == ["c-1"])
    }

    private func controlsHearOfProgress(_ store: ControlStore) async throws {
        func word(_ job: String, _ control: String, _ doc: JSONValue, at: Double, isWatched: Bool = false)
            -> SharedFigures
        {
            SharedFigures(job: job, control: control, isWatched: isWatched, doc: doc, at: at)
        }
        let words = [word("j-1", "c-1", [1], at: now), word("j-1", "c-2", [], at: now, isWatched: true)]
        try await store.share(words)
        try await store.share([])
        #expect(try await store.sharedFigures(besides: "", since: [:]) == words)
        #expect(try await store.sharedFigures(besides: "c-2", since: [:]) == [words[0]])
        let marks = ["j-1": ["c-1": now]]
        #expect(try await store.sharedFigures(besides: "c-2", since: marks).isEmpty)
        // Also of a control whose clock was set back.
        let news = word("j-1", "c-1", [2], at: now - 60)
        try await store.share([news])
        #expect(try await store.sharedFigures(besides: "c-2", since: marks) == [news])
        try await store.tidy(at: now + 86_401)
        #expect(try await store.sharedFigures(besides: "", since: [:]).isEmpty)
    }

    private func theFirstAuthorityStays(_ store: ControlStore) async throws {
        #expect(try await store.authority() == nil)
        let first = ControlStore.SealedAuthority(key: [1], certificate: "one")
        #expect(try await store.put(first) == first)
        #expect(try await store.put(ControlStore.SealedAuthority(key: [2], certificate: "two")) == first)
        #expect(try await store.authority() == first)
    }

    private func auditTellsAll(_ store: ControlStore) async throws {
        _ = try await store.add(token(), by: act())
        _ = try await store.revokeToken("0011223344556677", expecting: nil, by: act(at: now + 1, who: "token:eve"))
        let lines = try await store.audit(before: nil, limit: 10)
        #expect(lines.map(\.action) == ["token.revoke", "token.create"])
        #expect(lines.first?.who == "token:eve")
        #expect(lines.first?.address == "192.0.2.1")
        #expect(lines.first?.at == now + 1)
        let last = try #require(lines.first)
        #expect(try await store.audit(before: last.id, limit: 10).count == 1)
        #expect(try await store.audit(before: nil, limit: 10, action: "token.create").count == 1)
        #expect(try await store.audit(before: nil, limit: 10, subject: "no").isEmpty)
    }

    private func oldThingsGo(_ store: ControlStore) async throws {
        _ = try await store.add(token(), by: act())
        _ = try await start(store, "j1", targets: [1])
        _ = try await store.move("j1", known: nil, course: JobCourse(), by: act()) { job -> MoveDecision<Bool> in
            _ = job.machine?.report(.done, of: node(1).id, at: now)
            return .go(true)
        }
        #expect(try await store.lease("x", for: "a", until: now + 10, at: now))
        try await store.tidy(at: now + 399 * 86_400)
        // Otherwise b would wait for the lease, and the key would be known to be used.
        #expect(try await store.lease("x", for: "b", until: now + 10, at: now + 5))
        let key = OneTimeKey(
            digest: OneTimeKey.digest(of: [9]), binding: binding("j1", targets: [1]), issued: now, lifetime: 600)
        #expect(try await store.put(key))
        #expect(try await store.job("j1") != nil)
        #expect(try await store.token("0011223344556677") == nil)
        try await store.tidy(at: now + 401 * 86_400)
        #expect(try await store.job("j1") == nil)
        #expect(try await store.targets(of: "j1", after: nil, state: nil, limit: 1).isEmpty)
        #expect(try await store.audit(before: nil, limit: 10).isEmpty)
    }

    private func changedTargetsComeInOrder(_ store: ControlStore) async throws {
        let begun = try await start(store, "j1", targets: [1, 2, 3]).record.revision
        let all = try await store.changedTargets(of: "j1", after: 0, "", limit: 10)
        #expect(all.map(\.revision) == [begun, begun, begun])
        let nodes = all.map(\.target.node)
        #expect(nodes == nodes.sorted())
        _ = try await store.move("j1", known: nil, course: JobCourse(), by: act()) { job -> MoveDecision<Bool> in
            _ = job.machine?.report(.receiving, of: nodes[0], at: now)
            return .go(true)
        }
        let first = try await store.changedTargets(of: "j1", after: 0, "", limit: 1)
        #expect(first.map(\.target.node) == [nodes[1]])
        let rest = try await store.changedTargets(of: "j1", after: begun, nodes[1].description, limit: 10)
        #expect(rest.map(\.target.node) == [nodes[2], nodes[0]])
        #expect(try await store.changedTargets(of: "j1", after: begun, "~", limit: 10).count == 1)
    }

    private func aWebhookLosesNothing(_ store: ControlStore) async throws {
        @Sendable func text(_ change: ChangeRecord, _ before: String?) -> String? {
            change.kind == "notice" ? change.subject : change.kind == "job" ? "\(change.subject) \(before ?? "")" : nil
        }
        let start = try await store.lastChange()
        #expect(try await store.notify("hook", from: start, text) == false)
        for number in 1...3 { try await store.note("alarm", "n\(number)", [:], by: act()) }
        // Two controls look at the same time.
        async let one = store.notify("hook", from: start, text)
        async let other = store.notify("hook", from: start + 3, text)
        _ = try await (one, other)
        let first = try await store.dueNotifications(for: "hook", at: now, until: now + 60, limit: 2)
        #expect(first.map(\.body) == ["n1", "n2"])
        let next = try await store.dueNotifications(for: "hook", at: now, until: now + 60, limit: 9)
        #expect(next.map(\.body) == ["n3"])
        #expect(try await store.dueNotifications(for: "other", at: now, until: now + 60, limit: 9).isEmpty)
        try await store.remove(first[0])
        try await store.retry(next[0], at: now + 4)
        #expect(
            try await store.dueNotifications(for: "hook", at: now + 4, until: now + 60, limit: 9).map(\.tries) == [1])
        // The control that took the second has died.
        let left = try await store.dueNotifications(for: "hook", at: now + 61, until: now + 120, limit: 9)
        #expect(left.map(\.body).sorted() == ["n2", "n3"])
        for message in left { try await store.remove(message) }
        // A job says what it was before.
        _ = try await self.start(store, "j1", targets: [1])
        _ = try await store.move("j1", known: nil, course: JobCourse(), by: act()) { job -> MoveDecision<Bool> in
            _ = job.machine?.report(.done, of: node(1).id, at: now)
            return .go(true)
        }
        _ = try await store.notify("hook", from: start, text)
        let told = try await store.dueNotifications(for: "hook", at: now, until: now, limit: 9).map(\.body)
        #expect(told.last == "j1 running")
    }

    private func aWebhookIsBounded(_ store: ControlStore) async throws {
        for number in 1...5 { try await store.note("alarm", "n\(number)", [:], by: act()) }
        #expect(try await store.notify("hook", from: 0, limit: 4, most: 3, { change, _ in change.subject }))
        #expect(try await store.notify("hook", from: 0, limit: 4, most: 3, { change, _ in change.subject }) == false)
        let kept = try await store.dueNotifications(for: "hook", at: now, until: now, limit: 9)
        #expect(kept.map(\.body) == ["n1", "n2", "n3"])
        try await store.tidy(at: now + 3 * 86_400)
        #expect(try await store.dueNotifications(for: "hook", at: now, until: now, limit: 9).isEmpty)
    }

    struct Wrong: Error {}
}

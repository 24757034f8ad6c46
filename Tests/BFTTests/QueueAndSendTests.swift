import BFT
import Policy
import Testing

@Suite struct QueueTests {
    @Test func `tasks start in order and no more than the limit`() {
        var queue = QueueMachine(limit: 2)
        #expect(queue.add("a") == ["a"])
        #expect(queue.add("b") == ["b"])
        #expect(queue.add("c") == [])
        #expect(queue.add("d") == [])
        #expect(queue.remove("b") == ["c"])
        #expect(queue.waiting == ["d"])
        #expect(queue.remove("d") == [])
        #expect(queue.running == ["a", "c"])
    }

    @Test func `a task is queued once`() {
        var queue = QueueMachine(limit: 1)
        #expect(queue.add("a") == ["a"])
        #expect(queue.add("a") == [])
        #expect(queue.add("b") == [])
        #expect(queue.add("b") == [])
        #expect(queue.remove("a") == ["b"])
        #expect(queue.remove("b") == [])
    }

    @Test func `tasks that ran before a restart go on and count`() {
        var queue = QueueMachine(limit: 1)
        queue.resume("a")
        queue.resume("b")
        #expect(queue.add("c") == [])
        #expect(queue.remove("a") == [])
        #expect(queue.remove("b") == ["c"])
    }

    @Test func `a limit that grows starts more`() {
        var queue = QueueMachine(limit: 0)
        #expect(queue.add("a") == ["a"])
        _ = queue.add("b")
        _ = queue.add("c")
        #expect(queue.setLimit(3) == ["b", "c"])
    }
}

@Suite struct SendMachineTests {
    private var now: Moment { Moment(uptime: 0, wall: china.instant(of: "2021-05-28 12:00:00") ?? Instant(seconds: 0)) }

    private func machine(_ change: (inout SendPlan) -> Void = { _ in }) -> SendMachine {
        var plan = SendPlan(
            usesTorrent: true, usesStore: true, usesCDN: true, uploads: true, totalSize: 100, seedTime: 3600)
        change(&plan)
        return SendMachine(plan: plan, clock: china)
    }

    @Test func `a task is ready when all methods in use are`() {
        var machine = machine()
        #expect(machine.tick(at: now) == [.setSeeding(true), .setUploading(true), .probeCDN])
        #expect(machine.seeding(true, at: now) == [])
        #expect(machine.storeHolds(66, at: now) == [])
        #expect(machine.cdnProbed(trouble: nil, at: now) == [])
        let figures = UploadFigures(state: .uploading, taskPath: "/t", machine: machine)
        #expect(figures.content["obsstatus"] == "uncompleted 66%")
        #expect(figures.content["cdnstatus"] == "available")
        #expect(figures.content["btstatus"] == "seeding")
        #expect(machine.storeHolds(100, at: now) == [.setUploading(false), .moveToUploaded, .ready])
        #expect(UploadFigures(state: .uploaded, taskPath: "/t", machine: machine).status == .ready)
        let end = now.advanced(by: 3600)
        #expect(machine.tick(at: end) == [.setSeeding(false), .finish])
        #expect(UploadFigures(state: .history, taskPath: "/t", machine: machine).status == .finished)
    }

    @Test func `a method without a share holds nothing back`() {
        var machine = machine {
            $0.usesStore = false
            $0.uploads = false
            $0.usesCDN = false
        }
        #expect(machine.tick(at: now) == [.setSeeding(true), .moveToUploaded])
        #expect(UploadFigures(state: .uploaded, taskPath: "/t", machine: machine).status == .uploaded)
        #expect(machine.seeding(true, at: now) == [.ready])
    }

    @Test func `uploads keep to the store's window and seeding does not`() throws {
        let window = try QuietWindow.parse("22:00-06:00")
        var machine = machine {
            $0.windows = PerMethod(repeating: window)
            $0.usesCDN = false
        }
        #expect(machine.tick(at: now) == [.setSeeding(true)])
        #expect(machine.tick(at: now.advanced(by: 10 * 3600)) == [.setUploading(true)])
        #expect(machine.tick(at: now.advanced(by: 18 * 3600)) == [.setUploading(false)])
    }

    @Test func `three failures of the CDN fail the task`() {
        var machine = machine()
        var time = now
        _ = machine.tick(at: time)
        for _ in 0..<2 {
            #expect(machine.cdnProbed(trouble: "404", at: time) == [])
            time = time.advanced(by: 100)
            #expect(machine.tick(at: time) == [.probeCDN])
        }
        #expect(
            machine.cdnProbed(trouble: "404", at: time) == [
                .setSeeding(false), .setUploading(false), .fail(SendFailure(method: .cdn, reason: "404")),
            ])
        #expect(UploadFigures(state: .uploading, taskPath: "/t", machine: machine).status == .error)
        #expect(machine.sleep(at: time) == nil)
    }

    /// Receivers rely on it, and the CDN's servers may come up after the node.
    @Test func `a task that was uploaded before a restart outlives failures of the CDN`() {
        let plan = SendPlan(
            usesTorrent: true, usesStore: true, usesCDN: true, uploads: true, totalSize: 100, seedTime: 3600)
        var machine = SendMachine(plan: plan, clock: china, serviceEnd: now.wall + 3600)
        var time = now
        _ = machine.tick(at: time)
        for _ in 0..<5 {
            _ = machine.cdnProbed(trouble: "404", at: time)
            time = time.advanced(by: 100)
            _ = machine.tick(at: time)
        }
        #expect(machine.failure == nil)
    }

    @Test func `two failures of the CDN are forgiven once it answers`() {
        var machine = machine()
        var time = now
        _ = machine.tick(at: time)
        for trouble in ["404", "404", nil, "404", "404", nil] as [String?] {
            _ = machine.cdnProbed(trouble: trouble, at: time)
            time = time.advanced(by: 400)
            #expect(machine.tick(at: time).contains(.probeCDN))
        }
        #expect(machine.failure == nil)
    }

    @Test func `an upload that breaks off is begun again`() {
        var machine = machine()
        _ = machine.tick(at: now)
        #expect(machine.uploadFailed("503", isFinal: false, at: now) == [])
        #expect(machine.tick(at: now.advanced(by: 4)) == [])
        #expect(machine.tick(at: now.advanced(by: 6)) == [.setUploading(true)])
        #expect(
            machine.uploadFailed("403", isFinal: true, at: now).contains(
                .fail(SendFailure(method: .obs, reason: "403"))))
        #expect(machine.failure?.text == "bt obs errors")
    }

    @Test func `a bucket that others fill is only looked at`() {
        var machine = machine {
            $0.uploads = false
            $0.usesCDN = false
        }
        #expect(machine.tick(at: now) == [.setSeeding(true), .checkStore, .moveToUploaded])
        _ = machine.seeding(true, at: now)
        #expect(machine.storeHolds(50, at: now) == [])
        #expect(machine.tick(at: now.advanced(by: 301)) == [.checkStore])
        #expect(machine.storeHolds(100, at: now.advanced(by: 302)) == [.ready])
    }

    @Test func `content of a bucket is fetched first`() {
        var machine = machine { $0.fetchesFirst = true }
        #expect(machine.tick(at: now) == [.fetchContent])
        #expect(machine.tick(at: now) == [])
        #expect(machine.fetched(failure: nil, at: now).contains(.setSeeding(true)))
    }

    @Test func `without a seed time a task ends when it is ready`() {
        var machine = machine {
            $0.seedTime = 0
            $0.usesCDN = false
            $0.usesStore = false
            $0.uploads = false
        }
        _ = machine.tick(at: now)
        #expect(machine.seeding(true, at: now) == [.ready, .setSeeding(false), .finish])
    }

    @Test func `services end on time after a restart`() {
        var machine = SendMachine(plan: machine().plan, clock: china, serviceEnd: now.wall + 100)
        #expect(machine.tick(at: now) == [.setSeeding(true), .setUploading(true), .probeCDN])
        #expect(machine.tick(at: now.advanced(by: 100)).last == .finish)
    }
}

import Fleet
import FleetAgent
import JSON
import Policy
import Settings
import Testing
import YAML

@Suite struct PolicyTests {
    private func read(_ text: String) throws -> AgentConfiguration {
        let read = try AgentConfiguration.read(YAMLDocument.read(Array(text.utf8), file: "agent.yaml"))
        #expect(read.notes.isEmpty)
        return read.configuration
    }

    private func offer(
        class name: String = "app", dest: String? = "app", bytes: Int64 = 1000, hook: JSONValue? = nil,
        isCache: Bool = false, called: String = "release"
    ) -> JobOffer {
        var terms = JSONObject()
        if let dest { terms["dest"] = .string(dest) }
        if let hook { terms["hook"] = hook }
        return JobOffer(
            content: JobContent(infoHashes: [String(repeating: "a", count: 40)], files: 1, bytes: bytes), name: called,
            className: name, classVersion: 1, terms: .object(terms), isCache: isCache, expires: 1e10)
    }

    private func refusal(_ policy: AgentPolicy, _ offer: JobOffer) -> String? {
        do throws(AgentPolicy.Refusal) {
            _ = try policy.place(offer)
            return nil
        } catch { return error.key }
    }

    private let whole = """
        listen: none
        proxy: http://proxy.example:3128
        receive:
          roots: [/srv/app, /data]
          classes: [app, models]
          overwrite: true
          reserve: 2GiB
          max_size: 10MiB
          parallel: 3
        send:
          roots: [/home/builds]
          users: [ci, "1000"]
        hooks:
          restart:
            run: [/usr/local/bin/restart, now]
            user: app
            timeout: 30s
            retry: [75]
        limits: {down: 10MiB, up: 5MiB}
        windows:
          - {days: [mon, tue], from: "22:00", to: "06:00"}
        cache: {dir: /var/cache/fleet, size: 5GiB}
        host:
          labels: {rack: r7}
        """

    @Test func `every key of the agent's file is read`() throws {
        let configuration = try read(whole)
        #expect(configuration.listen == AgentConfiguration.Listen.none)
        #expect(configuration.receive.roots == ["/srv/app", "/data"])
        #expect(configuration.receive.reserve == 2 << 30)
        #expect(configuration.receive.parallel == 3)
        #expect(configuration.send.users == ["ci", "1000"])
        #expect(configuration.hooks["restart"]?.run == ["/usr/local/bin/restart", "now"])
        #expect(configuration.hooks["restart"]?.retry == [75])
        #expect(configuration.hooks["restart"]?.timeout == 30)
        #expect(configuration.limits.down == 10 << 20)
        #expect(configuration.windows.first?.days == [1, 2])
        #expect(configuration.cache?.size == 5 << 30)
        #expect(configuration.labels["rack"] == "r7")
    }

    @Test(arguments: [
        ("receive: {roots: [srv]}", "receive.roots"), ("hooks: {a: {run: [relative]}}", "hooks.a.run"),
        ("hooks: {a: {}}", "hooks.a.run"), ("receive: {parallel: 0}", "receive.parallel"), ("listen: here", "listen"),
        ("receive: {roots: [/srv/../etc]}", "receive.roots"),
    ])
    func `a wrong value is refused with its key`(text: String, key: String) throws {
        do {
            _ = try read(text)
            Issue.record("'\(text)' was read")
        } catch let error as SettingsError {
            #expect("\(error)".contains(key))
        }
    }

    @Test func `content goes below the root that the file allows`() throws {
        let policy = AgentPolicy(try read(whole))
        #expect(try policy.place(offer(dest: "web")).destination == "/srv/app/web")
        #expect(try policy.place(offer(dest: "/data/models/7b")).root == "/data")
        #expect(try policy.place(offer(dest: nil)).destination == "/srv/app/app")
    }

    @Test(arguments: [
        "/etc", "/srv", "/srv/app", "/srv/appendix/x", "/srv/app/../../etc/x", "../x", "a/../../x", "a//b",
        "/srv/app/.swoop/x", ".swoop",
    ])
    func `a destination outside the roots is refused`(dest: String) throws {
        #expect(refusal(AgentPolicy(try read(whole)), offer(dest: dest)) != nil)
    }

    @Test func `what the file does not allow is refused with the key's name`() throws {
        let policy = AgentPolicy(try read(whole))
        #expect(refusal(policy, offer(class: "other")) == "receive.classes")
        #expect(refusal(policy, offer(bytes: 11 << 20)) == "receive.max_size")
        #expect(refusal(policy, offer(hook: "restart")) == nil)
        #expect(refusal(policy, offer(hook: "format")) == "hooks")
        #expect(refusal(policy, offer(called: "../x")) == "receive.roots")
        #expect(refusal(AgentPolicy(AgentConfiguration()), offer()) == "receive.roots")
        #expect(refusal(AgentPolicy(AgentConfiguration()), offer(isCache: true)) == "cache")
    }

    @Test func `the lower of two limits counts`() throws {
        let policy = AgentPolicy(try read("receive: {roots: [/srv]}\nlimits: {down: 10MiB}"))
        let terms: JSONValue = ["limits": ["down": "5MiB", "up": "1MiB"]]
        let placement = try policy.place(
            JobOffer(
                content: JobContent(infoHashes: [String(repeating: "a", count: 40)], files: 1, bytes: 1), name: "a",
                className: "a", classVersion: 1, terms: terms, expires: 0))
        #expect(placement.down == 5 << 20)
        #expect(placement.up == 1 << 20)
    }

    @Test func `a user sends only what the file allows`() throws {
        let policy = AgentPolicy(try read(whole))
        #expect(policy.mayUserSend(["ci", "1001"], isOwn: false))
        #expect(policy.mayUserSend(["x", "1000"], isOwn: false))
        #expect(!policy.mayUserSend(["root", "0"], isOwn: true))
        #expect(AgentPolicy(AgentConfiguration()).mayUserSend(["root", "0"], isOwn: true))
        #expect(!AgentPolicy(AgentConfiguration()).mayUserSend(["x", "5"], isOwn: false))
        #expect(policy.maySend("/home/builds/1") && policy.maySend("/home/builds"))
        #expect(!policy.maySend("/home/builds2") && !policy.maySend("/home") && !policy.maySend("/etc/shadow"))
    }

    @Test func `a window over midnight belongs to the day on which it begins`() throws {
        var window = FleetWindow()
        (window.days, window.from, window.to, window.limit) = ([5], 22 * 60, 6 * 60, 1000)
        let schedule = WindowSchedule([window], [])
        // 2026-11-27 is a Friday.
        func look(_ text: String) -> WindowSchedule.Now? { LocalTime(text).map(schedule.look) }
        #expect(look("2026-11-27 21:59:59")?.isOpen == false)
        #expect(look("2026-11-27 22:00:00")?.isOpen == true)
        #expect(look("2026-11-28 05:59:00")?.limit == 1000)
        #expect(look("2026-11-28 06:00:00")?.isOpen == false)
        #expect(look("2026-11-28 23:00:00")?.isOpen == false)
        #expect(WindowSchedule([], []).look(at: LocalTime(epochSeconds: 0)).isOpen)
    }
}

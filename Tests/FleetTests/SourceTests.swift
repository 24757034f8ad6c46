import Fleet
import JSON
import Policy
import Settings
import Testing

@Suite struct SourceTests {
    private func read(_ sources: JSONValue) throws(SettingsError) -> FleetSources {
        try FleetClass(SettingsSource(["name": "app", "targets": "site=bj", "sources": sources])).sources
    }

    private func reason(_ sources: JSONValue) -> String {
        do throws(SettingsError) {
            _ = try read(sources)
            return ""
        } catch { return error.description }
    }

    private let bucket: JSONValue = [
        "url": "obs://org/releases", "endpoint": "https://s3.example", "window": "22:00-06:00",
    ]

    @Test func `Bucket and CDN have shares, windows and rates, in one object or in several`() throws {
        let whole: JSONValue = [
            "shares": "2:1:1", "bucket": bucket, "cdn": ["url": "https://cdn.example/r", "limit": "10MiB"],
            "rebalance": "idle",
        ]
        let sources = try read(whole)
        #expect(sources.shares == Shares("2:1:1") && sources.rebalance == .idle)
        #expect(sources.bucket?.url == "obs://org/releases" && sources.bucket?.window.isAlways == false)
        #expect(sources.bucket?.uploads == true && sources.bucket?.presigns == true)
        #expect(sources.cdn?.limit == 10 << 20)
        let parts = JSONValue.array((whole.objectValue?.members ?? []).map { .object(JSONObject([$0.key: $0.value])) })
        #expect(try read(parts) == sources)
        #expect(try read([:]).isEmpty)
    }

    @Test func `A class has no key in it, no share of a source that it does not name, and no URL with a user`() {
        #expect(
            reason(["bucket": ["url": "obs://org/r", "secret_key": "x"]]).contains(
                "keys stand in the agents' own files"))
        #expect(reason(["shares": "1:1:0"]).contains("sources.shares"))
        #expect(reason(["shares": "1:0:1", "bucket": bucket]).contains("sources.shares"))
        #expect(reason(["cdn": ["url": "https://me:secret@cdn.example"]]).contains("sources.cdn.url"))
        #expect(reason(["bucket": ["endpoint": "s3.example"]]).contains("obs://BUCKET/PREFIX"))
        #expect(reason([["cdn": ["url": "http://a/"]], ["cdn": ["url": "http://b/"]]]).contains("before"))
        #expect(reason(["bukket": bucket]).contains("bukket"))
    }

    @Test func `A job's content lies below its name, or where the class says`() {
        func place(_ text: String) -> String {
            FleetSources.place(text, job: "j1", name: "v 2") { $0.split(separator: " ").joined(separator: "%20") }
        }
        #expect(place("obs://org/r") == "obs://org/r/v%202")
        #expect(place("https://cdn.example/") == "https://cdn.example/v%202")
        #expect(place("https://cdn.example/{job}/{name}/x{y}{") == "https://cdn.example/j1/v%202/x{y}{")
    }
}

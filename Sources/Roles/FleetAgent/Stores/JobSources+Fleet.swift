import Fleet
import HTTPOrigin
import Jobs
import Metainfo
import ObjectStore
import Policy
import Text

extension JobSources {
    /// A job's sources beside peers.
    /// - Parameter name: of the content, as its sender calls it.
    init(_ terms: FleetSources, job: String, name: String, context: AgentContext) {
        self.init { method, layout in
            switch method {
            case .bt: return nil
            case .obs: return terms.bucket.map { Self.bucket($0, layout, job: job, name: name, context) }
            case .cdn:
                guard let cdn = terms.cdn else { return nil }
                let url = FleetSources.place(cdn.url, job: job, name: name) {
                    PercentEncoding.encode($0.utf8)
                }
                guard let seed = WebSeed(contentURL: url, layout: layout, client: context.stores.web) else {
                    return .failure(.unusable("the URL of the class's 'cdn' cannot be used"))
                }
                return .success(seed)
            }
        }
    }

    private static func bucket(
        _ bucket: BucketTerms, _ layout: ContentLayout, job: String, name: String, _ context: AgentContext
    ) -> Result<any RangeSource, SourceTrouble> {
        let place: AgentStores.Place
        do throws(StorePlaceProblem) {
            place = try context.stores.place(bucket, job: job, name: name)
        } catch {
            return .failure(.unusable(error.description))
        }
        guard !place.hasKeys, bucket.presigns else {
            return .success(ObjectSource(store: place.store, prefix: place.prefix, layout: layout))
        }
        let book = GrantBook(context, job: job, place: place, layout: layout)
        let address = place.store.address.place
        let seed = WebSeed(
            base: "\(address.isSecure ? "https" : "http")://\(address.host)", layout: layout, client: context.stores.web
        ) { await book.url(ofFile: $0) }
        return seed.map { .success($0) } ?? .failure(.unusable("the bucket's endpoint cannot be used"))
    }
}

extension FleetSources {
    /// The methods by which a job's content may come. Peers always: at least the sender has all of it.
    var usable: Set<DeliveryMethod> {
        var methods: Set<DeliveryMethod> = [.bt]
        if bucket != nil { methods.insert(.obs) }
        if cdn != nil { methods.insert(.cdn) }
        return methods
    }

    /// The method of each file, the same at all targets.
    func homes(_ sizes: [Int64]) -> [DeliveryMethod?] {
        guard let shares, !shares.isTorrentOnly else { return sizes.map { _ in .bt } }
        var homes = [DeliveryMethod?](repeating: .bt, count: sizes.count)
        for (method, files) in ContentSplit.assign(sizes, shares: shares, torrentOrder: false) {
            for file in files where homes.indices.contains(file) { homes[file] = method }
        }
        return homes
    }

    /// Has the plan of a delivery keep to these sources.
    func apply(to plan: inout DeliveryPlan, timeout: Int) {
        plan.usable = usable
        guard !isEmpty else { return }
        plan.homes = homes(plan.sizes)
        plan.windows = PerMethod(bt: .always, obs: bucket?.window ?? .always, cdn: cdn?.window ?? .always)
        plan.rebalance = rebalance
        if bucket?.isPayable == true { plan.payable.insert(.obs) }
        if cdn?.isPayable == true { plan.payable.insert(.cdn) }
        // Another source takes over before the target has failed.
        plan.settings.sourceTimeout = max(5, Double(timeout) / 2)
    }
}

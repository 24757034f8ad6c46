/// A method of delivery to a receiver.
package enum DeliveryMethod: String, CaseIterable, Sendable, Hashable, Comparable {
    /// BitTorrent.
    case bt
    /// An S3-compatible object store.
    case obs
    /// HTTP from a CDN or a web server.
    case cdn

    /// In the order of `bt-obs-cdn`.
    package static func < (left: DeliveryMethod, right: DeliveryMethod) -> Bool { left.rank < right.rank }

    var rank: Int {
        switch self {
        case .bt: 0
        case .obs: 1
        case .cdn: 2
        }
    }
}

/// When methods may transfer data.
package enum DeliveryPolicy: String, Sendable, Hashable, CaseIterable {
    /// All methods at the same time, at any time.
    case fulltime
    /// Each method inside its own window.
    case priortime
}

/// What a method does after it has finished its share.
package enum Rebalance: String, Sendable, Hashable, CaseIterable {
    /// Nothing: shares are strict.
    case none
    /// It takes over files of a slower one.
    case idle
}

/// One value for each method.
package struct PerMethod<Value> {
    package var bt: Value
    package var obs: Value
    package var cdn: Value

    package init(bt: Value, obs: Value, cdn: Value) {
        self.bt = bt
        self.obs = obs
        self.cdn = cdn
    }

    package init(each make: (DeliveryMethod) -> Value) { self.init(bt: make(.bt), obs: make(.obs), cdn: make(.cdn)) }

    package init(repeating value: Value) { self.init(bt: value, obs: value, cdn: value) }

    package subscript(_ method: DeliveryMethod) -> Value {
        get {
            switch method {
            case .bt: bt
            case .obs: obs
            case .cdn: cdn
            }
        }
        set {
            switch method {
            case .bt: bt = newValue
            case .obs: obs = newValue
            case .cdn: cdn = newValue
            }
        }
    }

    package func map<Result>(_ transform: (Value) -> Result) -> PerMethod<Result> {
        PerMethod<Result>(bt: transform(bt), obs: transform(obs), cdn: transform(cdn))
    }

    /// The three values in the order of `bt-obs-cdn`.
    package var all: [Value] { [bt, obs, cdn] }
}

extension PerMethod: Sendable where Value: Sendable {}
extension PerMethod: Equatable where Value: Equatable {}
extension PerMethod: Hashable where Value: Hashable {}

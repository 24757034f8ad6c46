/// A set with random sampling in constant time for each drawn element.
struct SampleSet<Element: Hashable & Sendable>: Sendable {
    private var elements: [Element] = []
    private var places: [Element: Int] = [:]

    var isEmpty: Bool { elements.isEmpty }
    var count: Int { elements.count }

    mutating func insert(_ element: Element) {
        guard places[element] == nil else { return }
        places[element] = elements.count
        elements.append(element)
    }

    mutating func remove(_ element: Element) {
        guard let place = places.removeValue(forKey: element), let last = elements.popLast() else { return }
        guard last != element else { return }
        elements[place] = last
        places[last] = place
    }

    /// All elements in their internal order, starting at a random position.
    func shuffledFrom(_ random: inout some RandomNumberGenerator) -> some Sequence<Element> {
        let start = elements.isEmpty ? 0 : Int.random(in: 0..<elements.count, using: &random)
        return [elements[start...], elements[..<start]].lazy.flatMap { $0 }
    }
}

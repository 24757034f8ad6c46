/// Why the value of an argument is invalid. ArgumentParser prefixes the text with the argument's name and value.
struct ArgumentProblem: Error, CustomStringConvertible, Equatable {
    let description: String

    init(_ description: String) { self.description = description }
}

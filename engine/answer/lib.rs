//! Who answered: a person, or one of the machines that answer telephones.

//! Several language models behind one dependable interface.

"""What tests share: made input, what always holds, and programs that they start."""

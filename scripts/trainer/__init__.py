"""The offline trainer of Ocelli: from folders of pictures to one proven, self-describing ONNX file."""

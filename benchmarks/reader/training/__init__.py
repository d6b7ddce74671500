"""The training itself: needs only torch, numpy and onnx, the packed examples and the packaged model, so that it can run elsewhere."""

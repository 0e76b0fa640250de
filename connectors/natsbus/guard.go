package natsbus

type guard struct{}

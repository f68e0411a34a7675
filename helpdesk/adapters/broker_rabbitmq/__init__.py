"""RabbitMQ through pika: one I/O thread per broker object, confirms, two lanes, a retry ladder; 3.10 and 4.x alike."""

from helpdesk.adapters.broker_rabbitmq.broker import RabbitMqBroker

__all__ = ["RabbitMqBroker"]
